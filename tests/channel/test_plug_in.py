"""A channel model from outside: one file with memory inside the burst, and what happens to those that are wrong."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]

TWO_TAP = """
import math

import numpy as np

from channel.models.base import MODELS, SNR_DB, Model
from common.conventions import noise_variance
from common.knobs import Knob
from common.start_options import StartOption

ECHO_DB = Knob("echo_db", "power of the second path", unit="dB", low=-60.0, high=20.0)
DELAY = Knob("echo_delay", "delay of the second path", kind="integer", unit="symbols", low=1, high=1000)
PHASE = StartOption("two-tap-phase", "Phase of the second path in degrees.", kind="text", read=float)


@MODELS.register("two-tap", "a second path, some symbols later", default=True)
class TwoTap(Model):
    knobs = ((ECHO_DB, -6.0), (DELAY, 3))
    start_options = (PHASE,)

    def apply(self, samples, state):
        power = 10 ** (state.number(ECHO_DB) / 10)
        tap = math.sqrt(power) * np.exp(1j * math.radians(state.options.get("two-tap-phase", 0.0)))
        delay = int(state.number(DELAY))
        later = np.concatenate((np.zeros(delay, np.complex64), samples))[: samples.size]
        faded = ((samples + tap * later) / math.sqrt(1 + power)).astype(np.complex64)
        variance = noise_variance(self.snr_db(state))
        received = state.draws.noise().add(faded, state.sequence, variance)
        return received, {"snr_set_db": self.snr_db(state), "gain_db": 0.0, "delay": delay}
"""


def install(folder: Path, module: str, points: str = "two-tap = orchard") -> None:
    """Puts a distribution with these entry points and one module where Python looks for packages."""
    info = folder / "orchard-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: orchard\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[gvsc.channels]\n{points}\n")
    (folder / "orchard.py").write_text(module)


def run(folder: Path, program: str) -> Any:
    """What a program that sees the plug-in prints, as JSON."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join((str(ROOT), str(folder)))}
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_model_with_memory_inside_the_burst_is_one_file(tmp_path: Path) -> None:
    install(tmp_path, TWO_TAP)
    told = run(
        tmp_path,
        """
import json, math, sys
import numpy as np
from channel.channel import Channel
from channel.models.base import MODELS
from common.errors import BurstError

sent = np.exp(2j * np.pi * np.random.default_rng(0).random(40_000)).astype(np.complex64)
channel = Channel(snr_db=60, model="two-tap", settings={"echo_db": 0, "echo_delay": 5}, options={"two-tap-phase": "90"})
received, report = channel.apply_with(channel.knobs.begin(2), sent, 2)
wanted = (sent + 1j * np.concatenate((np.zeros(5), sent[:-5]))) / math.sqrt(2)
try:
    piece = channel.apply(sent[9:], 2, 9)
except BurstError as error:
    piece = str(error)
links = [channel.for_link(n).apply(sent, 2) for n in (1, 2)]
print(json.dumps({
    "names": MODELS.names(), "default": MODELS.default, "origin": MODELS.entry("two-tap").origin,
    "error": float(np.mean(np.abs(received - wanted) ** 2)), "report": report, "piece": piece,
    "links": [bool((link == received).all()) for link in links],
    "knob": channel.knobs.describe()["echo_db"], "selected": Channel(snr_db=1).model,
    "heavy": [name for name in ("torch", "scipy", "numba") if name in sys.modules],
}))
""",
    )
    assert told["names"] == ["awgn", "erasure", "rayleigh", "rician", "trace", "two-tap"]
    assert (told["default"], told["selected"], told["origin"]) == ("awgn", "awgn", "orchard")
    assert told["error"] == pytest.approx(1e-6, rel=0.05)  # the noise alone, at 60 dB
    assert told["report"] == {"model": "two-tap", "snr_set_db": 60, "gain_db": 0, "delay": 5}
    assert told["piece"] == "the channel model two-tap takes whole bursts, not pieces of one"
    assert told["links"] == [True, False]
    assert told["knob"]["only_for"] == ["two-tap"]
    assert told["heavy"] == []


def test_commands_offer_the_model_and_its_start_option(tmp_path: Path) -> None:
    install(tmp_path, TWO_TAP)
    told = run(
        tmp_path,
        """
import json
from click.testing import CliRunner
from channel.command import command
from gvsc.commands.simulate import command as simulate
print(json.dumps([CliRunner().invoke(each, ["--help"]).stdout for each in (command, simulate)]))
""",
    )
    for page in told:
        assert "|trace|two-tap]" in page
        assert "--two-tap-phase TEXT" in page
        assert "Phase of the second path in degrees." in page


def replaced(old: str, new: str) -> str:
    assert old in TWO_TAP
    return TWO_TAP.replace(old, new)


@pytest.mark.parametrize(
    ("module", "reason"),
    [
        (replaced('Knob("echo_db"', 'Knob("k_factor_db"'), "another parameter 'k_factor_db'"),
        (replaced("(ECHO_DB, -6.0)", "(SNR_DB, 3.0)"), "another parameter 'snr_db'"),
        (replaced("(ECHO_DB, -6.0)", "(ECHO_DB, 99.0)"), "echo_db must be a number"),
        (replaced('StartOption("two-tap-phase"', 'StartOption("seed"'), "the start option 'seed' must be called"),
        (replaced("def apply(", "def passes("), "abstract"),
        (replaced("class TwoTap(Model)", "class TwoTap"), "is a class derived from channel.models.base.Model"),
        (TWO_TAP.replace('"two-tap', '"awgn'), "there is a channel model 'awgn' already, from gvsc"),
        ("import a_package_that_is_not_there", "No module named"),
    ],
)
def test_one_that_breaks_the_contract_is_refused_and_the_others_work(tmp_path: Path, module: str, reason: str) -> None:
    install(tmp_path, module)
    told = run(
        tmp_path,
        """
import json
import numpy as np
from channel.channel import Channel
from channel.models.base import MODELS
Channel(snr_db=3).apply(np.ones(4, np.complex64), 0)
print(json.dumps([MODELS.names(), [[b.name, b.origin, b.reason] for b in MODELS.broken]]))
""",
    )
    names, broken = told
    assert names == ["awgn", "erasure", "rayleigh", "rician", "trace"]
    ((name, origin, why),) = broken
    assert (name, origin) == ("two-tap", "orchard")
    assert reason in why
