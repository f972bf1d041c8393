from __future__ import annotations

import json

import numpy as np
import pytest
from click.testing import CliRunner

from common.codecs.text import by_name
from gvsc.bench import text as bench
from gvsc.cli import main


def test_the_description_has_96_characters():
    assert len(bench.DESCRIPTION) == 96


def test_points_tell_what_arrived():
    good = bench.point(by_name("1/3+"), 6.0, 50, 10, seed=1)
    assert good["delivered"] == 1.0
    assert good["lost"] == good["wrong"] == good["header_lost"] == 0
    assert good["symbols"] < 400 < good["total_symbols"]
    bad = bench.point(by_name("1/2"), -3.0, 50, 10, seed=1)
    assert bad["delivered"] == 0.0
    assert bad["symbols"] == 790
    assert bad["lost"] == bad["blocks"]
    assert bad["wrong"] == 0
    low, high = bad["lost_interval"]
    assert 0.9 < low < high == 1.0


@pytest.mark.slow
def test_a_threshold_lies_where_one_in_a_hundred_is_lost():
    made = bench.thresholds([by_name("1/2")], 150, 10, lambda line: None, seed=2)["modes"][0]
    assert 0.9 < made["snr_db"] < 2.2
    rates = [point["lost"] / point["blocks"] for point in made["points"]]
    assert rates[0] < bench.LOSS <= rates[-1]


def test_the_command_prints_one_object(tmp_path):
    done = CliRunner().invoke(main, ["bench", "text", "--mode", "1/4+", "--snr-db", "3", "--blocks", "5", "--json"])
    assert done.exit_code == 0, done.output
    (point,) = json.loads(done.stdout)["points"]
    assert (point["mode"], point["snr_db"], point["blocks"], point["delivered"]) == ("1/4+", 3.0, 5, 1.0)
    file = tmp_path / "made" / "text.json"
    arguments = ["bench", "text", "--mode", "1/4+", "--snr-db", "3", "--blocks", "5", "--seed", "9", "--out", str(file)]
    assert CliRunner().invoke(main, arguments).exit_code == 0
    kept = json.loads(file.read_text())
    assert kept["effort"] == {"target_errors": 200, "max_trials": 5, "seed": 9}
    assert kept["versions"]["numpy"] == np.__version__
    assert [point["mode"] for point in kept["points"]] == ["1/4+"]
    assert [path.name for path in file.parent.iterdir()] == ["text.json"]
    wrong = CliRunner().invoke(main, ["bench", "text", "--mode", "1/5"])
    assert wrong.exit_code == 1
    assert "no text mode" in wrong.output
