"""`gvsc health` is 0 exactly where the service is bound and its models are loaded."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest
import zmq
from click.testing import CliRunner

from common.control import ControlServer
from common.knobs import Knob, Knobs
from gvsc.commands.health import command

Serve = Callable[[bool], str]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Serves a status with that ``ready`` and gives the address."""
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()

    def serve(ready: bool) -> str:
        knobs = Knobs([(Knob("steps", "steps", low=1, high=9), 1)])
        return ControlServer(context, "tcp://127.0.0.1:*", knobs, lambda: {"ready": ready}, "receiver").start().address

    yield serve
    context.term()


@pytest.mark.parametrize(
    ("ready", "code", "words"), [(True, 0, "the receiver is ready"), (False, 1, "the receiver is bound and loads")]
)
def test_ready_or_not(serve: Serve, ready: bool, code: int, words: str) -> None:
    done = CliRunner().invoke(command, ["receiver", "--address", serve(ready)])
    assert done.exit_code == code
    assert words in done.output
    assert len(done.output.splitlines()) == 1


def test_nobody_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GVSC_CHANNEL_CONTROL", "tcp://127.0.0.1:9")
    done = CliRunner().invoke(command, ["channel", "--timeout", "0.1"])
    assert done.exit_code == 1
    assert "nobody answers at tcp://127.0.0.1:9" in done.output


def test_a_check_loads_nothing_heavy() -> None:
    program = "import sys, gvsc.commands.health; print(*[m for m in ('torch', 'scipy', 'numba') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.split()) == (0, [])
