"""The receiver process: what its settings do when transmitters come and go."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import zmq

from receiver.process import Arrived, ReceiverProcess

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
