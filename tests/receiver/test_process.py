"""The receiver process: what its settings do when transmitters come and go."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import zmq

from common.sections import section
from receiver.process import Arrived, ReceiverProcess
from receiver.receiver import Reconstruction

KEPT: list[object] = []
"""As in the service itself, sockets are left to the end: closing one while its thread is inside aborts in libzmq."""


def test_a_change_for_a_burst_of_one_session_does_not_come_with_the_next(tmp_path: Path) -> None:
    used = []

    def decode(_samples: Any, *, steps: int | None, **_: Any) -> Any:
        used.append(steps)
        return SimpleNamespace(messages=())

    places = {name: f"ipc://{tmp_path / name}" for name in ("downlink", "feedback", "results", "control")}
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    process = ReceiverProcess(context, name="one", steps=1, guidance=None, **places)
    KEPT.extend((context, process))
    process._knobs.set("steps", 2, from_seq=1)
    for session, seqs in (("a" * 16, (0, 1, 2)), ("b" * 16, (0, 5, 6))):
        for seq in seqs:
            process._decode(SimpleNamespace(decode=decode), Arrived(session, seq, np.empty(0, np.complex64)), None)  # type: ignore[arg-type]
        if session[0] == "a":
            process._knobs.set("steps", 9, from_seq=5)
    assert used == [1, 2, 2, 2, 2, 2]


def test_a_result_that_cannot_be_shown_is_acknowledged_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    places = {name: f"ipc://{tmp_path / name}" for name in ("downlink", "feedback", "results", "control")}
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    process = ReceiverProcess(context, name="one", steps=1, guidance=None, **places)
    KEPT.extend((context, process))
    coded = section("first_frame")
    monkeypatch.setattr(type(coded), "picture", lambda *_: 1 / 0)
    arrived = coded.arrived(np.zeros((3, 32, 32), np.float32), 3.0)
    made = Reconstruction(np.zeros((8, 32, 32, 3), np.uint8), None, 3.0, {"first_frame": arrived})
    burst = Arrived("a" * 16, 0, np.empty(0, np.complex64))
    process._book.arrived(burst.session, burst.seq)
    process._done.put((burst, made))
    process._report_done()
    assert "burst 0: the result cannot be shown: ZeroDivisionError" in capsys.readouterr().err
    assert [kind for kind, _ in process._unsent] == ["ack"]
    assert process._book.holding(burst.session) == []
