"""The adaptive scheme: thresholds from measured curves, down at once, up with hysteresis."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from common import schemes
from common.codecs import text
from common.errors import SchemeError, SettingError
from common.sections import description, section
from common.sections.base import Options, Slot
from transmitter import adaptive
from transmitter.adaptive import Choice, LinkAdaptation
from transmitter.extract.description import Description
from transmitter.transmitter import check_options

ROOT = Path(__file__).parents[2]
FRAME_FROM_DB = {scheme: snr_db for snr_db, scheme in schemes.ADAPTIVE_LADDER}["first-frame-desc"]


def text_mode(choice: Choice) -> text.TextMode:
    """The mode that the description's encoder takes for these settings."""
    return sent_as(choice.options)


def sent_as(options: Options) -> text.TextMode:
    made = section("description").encode(Description.of("A red car.", "captions"), 0.0, Slot(), options)
    return text.MODES[made.values["mode"]]


def test_text_thresholds_are_the_measured_ones() -> None:
    measured = json.loads((ROOT / "docs/results/link/text-thresholds.json").read_text())
    assert {m["mode"]: m["snr_db"] for m in measured["modes"]} == description.LOSS_1_PERCENT_DB


def test_from_its_threshold_on_a_frame_is_worth_more_than_the_text_and_than_sketches() -> None:
    measured = json.loads((ROOT / "docs/results/generators/ablation.json").read_text())
    assert min(measured["snr_db"]) == FRAME_FROM_DB
    for clips in measured["sets"].values():
        about = {name: part["variants"] for name, part in clips["schemes"].items()}
        frame = about.pop("first-frame-desc")
        for metric, better in (("psnr", 1), ("ssim", 1), ("deepfeat", -1)):
            if metric in measured["metrics"]:
                gain = np.array(frame["all"][metric]) - np.array(frame["visuals_lost"][metric])
                assert (better * gain > 0).all()
        for sketched in about.values():
            assert (np.array(frame["all"]["psnr"]) > np.array(sketched["all"]["psnr"])).all()


def test_at_its_threshold_headers_get_through_and_below_they_do_not() -> None:
    measured = json.loads((ROOT / "docs/results/link/header-reception.json").read_text())
    lost = {point["snr_db"]: point["error_rate"] for point in measured["points"]}
    assert lost[FRAME_FROM_DB] < 0.01
    assert lost[FRAME_FROM_DB - 1] > 5 * lost[FRAME_FROM_DB]


def test_it_walks_down_to_the_description_alone_and_back() -> None:
    adaptation = LinkAdaptation()
    walk = [*range(12, -7, -1), *range(-5, 13)]
    choices = [adaptation.choose("adaptive", {"text_mode": "auto"}, snr_db) for snr_db in walk]
    assert choices[0].scheme == choices[-1].scheme == "first-frame-desc"
    assert choices[18].scheme == "desc-only"
    rates = [text_mode(choice).rate for choice in choices]
    assert rates[:19] == sorted(rates[:19], reverse=True)
    assert rates[18:] == sorted(rates[18:])
    assert len(set(rates)) == 5
    # on the way up a rung later than on the way down
    down = dict(zip(walk[:19], choices[:19], strict=True))
    up = dict(zip(walk[18:], choices[18:], strict=True))
    assert down[-5].scheme == "first-frame-desc"
    assert up[-5].scheme == "desc-only"
    assert up[-4].scheme == "first-frame-desc"


def choose(asked: str, snr_db: float) -> Choice:
    return LinkAdaptation().choose("adaptive", {"text_mode": asked}, snr_db)


@pytest.mark.parametrize("stale_db", [0.0, 2.0])
def test_a_rate_is_never_used_below_where_it_holds(stale_db: float) -> None:
    for suffix in ("", "+"):
        for snr_db in np.arange(-1.0, 15.0, 0.1):
            mode = text.by_name(str(choose(f"auto{suffix}", snr_db).options["text_mode"]))
            assert mode.modelled == (suffix == "+")
            assert description.LOSS_1_PERCENT_DB[mode.name] <= snr_db - stale_db


@pytest.mark.parametrize(("asked", "name"), [("auto", "1/3"), ("auto+", "1/3+"), ("1/8", "1/8"), ("1/2+", "1/2+")])
def test_a_fixed_scheme_keeps_its_rate(asked: str, name: str) -> None:
    for snr_db in (-10.0, 20.0):
        choice = LinkAdaptation().choose("first-frame-desc", {"text_mode": asked}, snr_db)
        assert (choice.scheme, text_mode(choice).name) == ("first-frame-desc", name)


def test_a_rate_that_is_asked_for_is_kept_where_the_scheme_is_adaptive() -> None:
    for snr_db in (-10.0, 20.0):
        assert text_mode(choose("1/4", snr_db)).name == "1/4"
    assert LinkAdaptation().choose("adaptive", {}, 20.0).options == {"text_mode": "1/2", "video_rate": "1/2"}


def test_unknown_names_are_told() -> None:
    with pytest.raises(SchemeError, match="no scheme is called 'x'"):
        LinkAdaptation().choose("x", {}, 0.0)
    with pytest.raises(SchemeError, match="no text mode '3/4'"):
        sent_as({"text_mode": "3/4"})
    with pytest.raises(SettingError, match=r"no encoder has the setting .rate.: there are .*text_mode"):
        check_options({"rate": "1/3"})
    with pytest.raises(SettingError, match="text_mode"):
        check_options({"text_mode": "3/4"})


def test_every_choice_is_a_scheme_or_adaptive() -> None:
    assert adaptive.choices() == (*schemes.names(), "adaptive")
