from __future__ import annotations

import json

import numpy as np
import pytest
from click.testing import CliRunner

from gvsc.bench import curves, provenance
from gvsc.bench.curves import engine
from gvsc.bench.curves.engine import Curve, CurveSet, Effort
from gvsc.cli import main
from gvsc.evaluation.figures.link_curves import link_curves


class KilledError(Exception):
    pass


def waterfall(snr_db):
    """100 bits in 100 symbols, lost with a rate of 10^(−SNR in dB), a tenth of the bits with them."""
    p = min(1.0, 10.0**-snr_db)

    def trial(rng, batch):
        lost = int((rng.random(batch) < p).sum())
        return {"block_errors": lost, "bit_errors": 10 * lost, "undetected": int(lost > 3)}

    return trial


def set_of(**options):
    made = [Curve(name, 100, 100, waterfall, batch=20, **options) for name in ("a", "b")]
    return CurveSet("test", "A test", made, max_trials=1000)


EFFORT = Effort(target_errors=20, max_trials=1000, seed=1)


def counts(result):
    return [[(p["snr_db"], p["tally"]) for p in curve["points"]] for curve in result["curves"]]


def test_a_sweep_runs_from_hopeless_to_the_floor(tmp_path):
    told = []
    result = engine.measure(set_of(step_db=0.5, floor=0.05), tmp_path / "r.json", EFFORT, told.append)
    assert engine.read(tmp_path / "r.json") == result
    assert result["complete"]
    assert result["versions"]["numpy"] == np.__version__
    for curve in result["curves"]:
        assert curve["points"][0]["bler"] == 1.0
        blers = [point["bler"] for point in curve["points"]]
        assert blers[-1] < 0.05 <= min(blers[:-1])
        for point in curve["points"]:
            assert point["bler_interval"][0] <= point["bler"] <= point["bler_interval"][1]
            assert point["ber"] == pytest.approx(point["bler"] / 10, rel=1e-3)
            assert point["ebno_db"] == pytest.approx(point["snr_db"])  # one bit a symbol
            assert point["tally"]["block_errors"] >= 20 or point["tally"]["trials"] == 1000
        assert all(a > b for (_, a), (_, b) in zip(curve["bound"], curve["bound"][1:], strict=False) if a < 0.999)
    finished = [row for row in told if row.complete]
    assert len(finished) == sum(len(curve["points"]) for curve in result["curves"])
    assert counts(result)[0] != counts(result)[1]  # curves do not share their noise


@pytest.mark.parametrize("after", [1, 7, 30])
def test_a_run_that_was_killed_ends_as_one_that_was_not(tmp_path, monkeypatch, after):
    monkeypatch.setattr(engine, "SAVE_EVERY_S", 0.0)
    wanted = engine.measure(set_of(), tmp_path / "whole.json", EFFORT, lambda row: None)
    seen = 0

    def dies(row):
        nonlocal seen
        seen += 1
        if seen > after:
            raise KilledError

    file = tmp_path / "r.json"
    with pytest.raises(KilledError):
        engine.measure(set_of(), file, EFFORT, dies)
    kept = engine.read(file)
    assert not kept["complete"]
    batches = sum(point["tally"]["trials"] for curve in kept["curves"] for point in curve["points"]) / 20
    told = []
    done = engine.measure(set_of(), file, EFFORT, told.append)
    assert counts(done) == counts(wanted)
    assert [p["bler"] for p in done["curves"][0]["points"]] == [p["bler"] for p in wanted["curves"][0]["points"]]
    total = sum(point["tally"]["trials"] for curve in done["curves"] for point in curve["points"]) / 20
    assert batches > 0
    assert len([row for row in told if not row.complete]) == total - batches  # nothing was measured twice


def test_what_was_made_otherwise_is_not_continued(tmp_path):
    file = tmp_path / "r.json"
    engine.measure(set_of(), file, EFFORT, lambda row: None)
    other = engine.measure(set_of(), file, Effort(20, 1000, seed=2), lambda row: None)
    assert other["effort"]["seed"] == 2
    assert counts(other) != counts(engine.measure(set_of(), tmp_path / "s.json", EFFORT, lambda row: None))
    file.write_text("{ no json", encoding="utf-8")
    assert engine.measure(set_of(), file, EFFORT, lambda row: None)["complete"]


def test_what_other_code_made_is_not_continued(tmp_path, monkeypatch):
    file, notes = tmp_path / "r.json", []
    made = engine.measure(set_of(), file, EFFORT, lambda row: None, notes.append)
    assert made["sources"] == provenance.sources()
    assert notes == []
    told = []
    assert engine.measure(set_of(), file, EFFORT, told.append, notes.append) == made
    assert all(row.complete for row in told)  # nothing was measured again
    monkeypatch.setattr(provenance, "sources", lambda: "other")
    again = engine.measure(set_of(), file, EFFORT, told.append, notes.append)
    assert again["sources"] == "other"
    assert not all(row.complete for row in told)
    assert "other code" in notes.pop()
    monkeypatch.setattr(provenance, "versions", lambda: {"numpy": "0"})
    assert engine.measure(set_of(), file, EFFORT, lambda row: None, notes.append)["versions"] == {"numpy": "0"}
    assert "other packages" in notes.pop()


def test_a_file_that_does_not_tell_its_code_is_kept_and_that_is_told(tmp_path):
    file, notes = tmp_path / "r.json", []
    made = engine.measure(set_of(), file, EFFORT, lambda row: None)
    del made["sources"]
    file.write_text(json.dumps(made), encoding="utf-8")
    assert engine.measure(set_of(), file, EFFORT, lambda row: None, notes.append) == made
    assert "--fresh" in notes.pop()


def test_the_threshold_lies_between_the_points_around_it():
    def point(snr_db, errors):
        return {"snr_db": snr_db, "tally": {"block_errors": errors, "trials": 1000}}

    points = [point(0.0, 1000), point(1.0, 100), point(2.0, 1), point(3.0, 0)]
    assert engine.threshold_snr_db(points, 0.1) == pytest.approx(1.0)
    assert engine.threshold_snr_db(points, 0.01) == pytest.approx(1.5)
    assert engine.threshold_snr_db(points, 1e-6) is None


@pytest.mark.parametrize("counted", ["block_errors", "undetected"])
def test_the_figure_shows_what_was_measured(tmp_path, counted):
    options = {"snrs_db": (0.0, 1.0, 2.0), "until": counted}
    result = engine.measure(set_of(**options), tmp_path / "r.json", EFFORT, lambda row: None)
    drawn = link_curves(result)
    assert drawn.width == 1500
    pixels = np.asarray(drawn).reshape(-1, 3)
    assert (pixels == (0x1F, 0x77, 0xC9)).all(axis=1).sum() > 50
    with pytest.raises(ValueError, match="no finished point"):
        link_curves(result | {"curves": [curve | {"points": []} for curve in result["curves"]]})


@pytest.mark.parametrize("name", ["text", "header", "joint"])
def test_the_curves_of_the_link_fall(name):
    """One trial of each curve where nothing arrives and one where all does."""
    for curve in curves.load(name).curves:
        hopeless = curve.trial_at(-20.0)(np.random.default_rng(1), 3)
        clear = curve.trial_at(12.0)(np.random.default_rng(1), 3)
        assert hopeless["block_errors"] == 3
        assert clear["block_errors"] == 0
        assert clear["undetected"] == hopeless["undetected"] == 0
        assert curve.first_db() < 3.0


def test_the_command_measures_draws_and_goes_on(tmp_path, monkeypatch):
    monkeypatch.setattr("gvsc.commands.bench.load_curves", lambda name: set_of())
    arguments = ["bench", "link", "text", "--out", str(tmp_path), "--errors", "5", "--trials", "100"]
    first = CliRunner().invoke(main, arguments)
    assert first.exit_code == 0, first.output
    assert first.output.splitlines()[0] == "a"
    assert "Es/N0" in first.output
    assert (tmp_path / "text.png").read_bytes().startswith(b"\x89PNG")
    before = (tmp_path / "text.json").read_bytes()
    again = CliRunner().invoke(main, [*arguments, "--json"])
    assert json.loads(again.stdout)["text"] == json.loads(before)
    drawn = CliRunner().invoke(main, ["bench", "link", "text", "--out", str(tmp_path), "--draw-only"])
    assert drawn.exit_code == 0
    assert (tmp_path / "text.json").read_bytes() == before


def test_nothing_to_draw_is_told_in_one_line(tmp_path):
    done = CliRunner().invoke(main, ["bench", "link", "header", "--out", str(tmp_path), "--draw-only"])
    assert done.exit_code == 1
    assert "gvsc bench link header" in done.output
