"""Whoever reads the log of a service goes away: a closed terminal, a crashed log driver.

Must hold: the service goes on as if it had been heard.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gvsc.services import ROLES

pytestmark = [pytest.mark.faults, pytest.mark.e2e, pytest.mark.timeout(400)]


def test_nobody_reads_the_logs(new_stream, tmp_path: Path) -> None:
    """stdout and stderr of all three are pipes without a reader (EPIPE): they load, stream, lose, and count it."""
    with new_stream(tmp_path / "logs") as stream:

        def start(role: str) -> None:
            log = stream.folder / f"{role}.log"
            log.unlink(missing_ok=True)
            os.mkfifo(log)
            reader = os.open(log, os.O_RDONLY | os.O_NONBLOCK)
            stream.start(role)
            os.close(reader)
            log.unlink()
            log.touch()  # what a failing test looks into

        for role in ROLES:
            start(role)
        before = stream.flow()
        stream.services.kill("channel")
        start("channel")  # the others have something to say: who is lost, who is gone
        after = stream.flow()
        assert after["session"] == before["session"]
        assert 0 <= after["lost"] <= stream.window
        for role in ROLES:
            stream.services.check_alive([role])
            assert stream.log(role) == []  # and nothing of it went anywhere else
