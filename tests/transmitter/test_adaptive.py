"""The adaptive scheme: thresholds from measured curves, down at once, up with hysteresis."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

from common.codecs import text
from common.errors import SchemeError
from transmitter import adaptive
from transmitter.adaptive import Chooser

ROOT = Path(__file__).parents[2]


def test_text_thresholds_are_the_measured_ones() -> None:
    measured = json.loads((ROOT / "docs/results/link/text-thresholds.json").read_text())
    assert {m["mode"]: m["snr_db"] for m in measured["modes"]} == adaptive.TEXT_LOSS_1_PERCENT_DB


def test_frame_threshold_lies_on_the_codec_s_curve() -> None:
    card = (ROOT / "common/weights/djscc-frame.md").read_text().replace("−", "-")
    rows = [re.findall(r"-?\d+(?:\.\d+)?", row) for row in re.findall(r"^\| (?:SNR|PSNR).*$", card, re.MULTILINE)[:2]]
    snr_db, psnr_db = (np.array(row, float) for row in rows)
    assert np.interp(adaptive.LEAST_FRAME_PSNR_DB, psnr_db, snr_db) == pytest.approx(adaptive.FRAME_FROM_DB, abs=0.25)


def test_it_walks_down_to_the_description_alone_and_back() -> None:
    chooser = Chooser()
    walk = [*range(12, -7, -1), *range(-5, 13)]
    choices = [chooser.choose("adaptive", "auto", snr_db) for snr_db in walk]
    assert choices[0].scheme == choices[-1].scheme == "first-frame-desc"
    assert choices[18].scheme == "desc-only"
    rates = [text.MODES[choice.text_mode].rate for choice in choices]
    assert rates[:19] == sorted(rates[:19], reverse=True)
    assert rates[18:] == sorted(rates[18:])
    assert len(set(rates)) == 5
    # on the way up a rung later than on the way down
    down = dict(zip(walk[:19], choices[:19], strict=True))
    up = dict(zip(walk[18:], choices[18:], strict=True))
    assert down[-2].scheme == "first-frame-desc"
    assert up[-2].scheme == "desc-only"
    assert up[-1].scheme == "first-frame-desc"


@pytest.mark.parametrize("stale_db", [0.0, 2.0])
def test_a_rate_is_never_used_below_where_it_holds(stale_db: float) -> None:
    for suffix in ("", "+"):
        for snr_db in np.arange(-1.0, 15.0, 0.1):
            mode = text.MODES[Chooser().choose("adaptive", f"auto{suffix}", snr_db).text_mode]
            assert mode.modelled == (suffix == "+")
            assert adaptive.TEXT_LOSS_1_PERCENT_DB[mode.name] <= snr_db - stale_db


@pytest.mark.parametrize(("text_mode", "name"), [("auto", "1/3"), ("auto+", "1/3+"), ("1/8", "1/8"), ("1/2+", "1/2+")])
def test_a_fixed_scheme_keeps_its_rate(text_mode: str, name: str) -> None:
    for snr_db in (-10.0, 20.0):
        choice = Chooser().choose("first-frame-desc", text_mode, snr_db)
        assert (choice.scheme, text.MODES[choice.text_mode].name) == ("first-frame-desc", name)


def test_unknown_names_are_told() -> None:
    with pytest.raises(SchemeError, match="no scheme 'x'"):
        Chooser().choose("x", "auto", 0.0)
    with pytest.raises(SchemeError, match="no text mode '3/4'"):
        Chooser().choose("desc-only", "3/4", 0.0)
