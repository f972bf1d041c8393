"""The wall clock jumps: a laptop wakes, NTP corrects, somebody sets the time.

Must hold: nothing is lost, ramps and probes go by the monotonic clock, nothing measures a duration by the wall clock.
"""

from __future__ import annotations

import ast
import os
import struct
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gvsc.services import ROLES

ROOT = Path(__file__).resolve().parents[2]
SHIM = Path(__file__).parent / "clock"
HOUR = 3600.0

STAMPED = {"gvsc/training/tfevents.py"}
"""Where the hour is written down, because the format of the file asks for it."""

pytestmark = pytest.mark.faults


@pytest.mark.parametrize("package", ["common", "transmitter", "channel", "receiver", "gvsc"])
def test_no_source_reads_the_wall_clock(package: str) -> None:
    """Neither time.time nor datetime.now: durations are monotonic, and no result depends on the hour."""
    found = []
    files = sorted((ROOT / package).rglob("*.py"))
    assert files
    for file in files:
        if file.relative_to(ROOT).as_posix() in STAMPED:
            continue
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            read = isinstance(node, ast.Attribute) and (
                (node.attr in ("time", "time_ns") and getattr(node.value, "id", "") == "time")
                or (node.attr in ("now", "utcnow", "today") and "date" in ast.dump(node.value))
            )
            taken = isinstance(node, ast.ImportFrom) and node.module in ("time", "datetime")
            if read or (taken and {name.name for name in node.names} & {"time", "time_ns", "datetime", "date"}):
                found.append(f"{file.relative_to(ROOT)}:{node.lineno}")
    assert found == []


@pytest.mark.e2e
@pytest.mark.timeout(400)
def test_hours_forwards_and_backwards(new_stream, tmp_path: Path) -> None:
    """Five hours on, then nine back: nothing lost, a ramp arrives in its time, a killed channel is found by probes."""
    offset = tmp_path / "offset"
    offset.write_bytes(struct.pack("<d", 0.0))
    environment = {"PYTHONPATH": str(SHIM), "CLOCK_OFFSET_FILE": str(offset)}

    def jump(hours: float) -> None:
        with offset.open("r+b") as file:
            file.write(struct.pack("<d", hours * HOUR))

    def clock() -> float:
        command = [sys.executable, "-c", "import time; print(time.time())"]
        return float(subprocess.run(command, env={**os.environ, **environment}, capture_output=True, check=True).stdout)

    with new_stream(tmp_path / "logs", environment=environment) as stream:
        stream.start(*ROLES)
        before = stream.flow()
        for pid in stream.services.pids.values():
            assert str(offset) in Path(f"/proc/{pid}/maps").read_text(), "the clock of this process cannot be turned"
        stream.services.ask("channel", op="ramp", key="snr_db", start=20, stop=10, seconds=6)
        began = time.monotonic()
        jump(5)
        assert clock() - time.time() > 4.9 * HOUR
        after = stream.flow()
        snr_db = stream.services.ask("channel", op="get", key="snr_db")["value"]
        assert snr_db == pytest.approx(max(10.0, 20 - (time.monotonic() - began) * 10 / 6), abs=1)
        jump(-4)
        assert clock() - time.time() < -3.9 * HOUR
        after = stream.flow()
        assert (after["lost"], after["session"]) == (0, before["session"])
        while stream.services.ask("channel", op="get", key="snr_db")["value"] > 10:
            assert time.monotonic() - began < 7
            time.sleep(0.1)
        assert time.monotonic() - began > 5.9
        stream.services.kill("channel")
        jump(3)
        stream.start("channel")
        after = stream.flow()
        assert 0 <= after["lost"] <= stream.window
        assert stream.status("receiver")["gaps"] == after["lost"]
