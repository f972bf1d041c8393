"""Services played by the tests: what they publish, in well-formed messages, and a control socket."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zmq

from common import burst, schemes
from common.codecs import text
from common.control import ControlServer
from common.endpoints import CHANNEL_CONTROL, PREVIEW, RESULTS, TAP, Endpoint
from common.header import Header
from common.knobs import Knob, Knobs
from common.publisher import Publisher
from gvsc.client import Client

SESSION = "0123456789abcdef"
HEADER = Header(
    schemes.by_name("desc-only"),
    *(3, 8, 256, 256),
    {"description": {"bytes": 5, "mode": text.by_name("1/3").number}},
)
SAMPLES = burst.assemble(HEADER, {"description": np.full(HEADER.payload_symbols, 1j, np.complex64)}).samples
TAPPED = {
    "session": SESSION, "seq": 0, "samples": SAMPLES.size, "dtype": "cf32_le", "link": 1, "receiver": "one",
    "snr_set_db": 20.0, "gain_db": 0.0, "model": "awgn",
}  # fmt: skip
PREVIEWED = {
    "session": SESSION, "seq": 0, "clip": 3, "name": "a", "caption": "A.", "sent": "A.", "scheme": "first-frame-desc",
    "modes": {"description": "1/3"}, "tx_snr_db": 6.0, "seconds": {"encode": 0.5}, "shape": [2, 32, 64, 3],
}  # fmt: skip
RESULT = {
    "session": SESSION, "seq": 0, "receiver": "one", "clip": 3, "scheme": "first-frame-desc", "snr_db": 5.5,
    "text": "A.", "text_ok": True, "failed": [], "generator": "mini", "task": "frame-text", "seconds": {"decode": 1.0},
    "gaps": 0, "shape": [2, 32, 64, 3],
    "sections": [
        {"name": "description", "modality": "text", "snr_db": None, "failed": False, "shape": []},
        {"name": "first_frame", "modality": "frame", "snr_db": 5.0, "failed": False, "shape": [32, 64, 3]},
    ],
}  # fmt: skip
VIDEO = np.arange(2 * 32 * 64 * 3, dtype=np.uint32).astype(np.uint8).reshape(2, 32, 64, 3)


class System:
    """Publishers where the services' would be. ``stop`` and ``start`` are those of a process that is restarted."""

    def __init__(self, folder: Path) -> None:
        self.addresses: dict[Endpoint, str] = {
            place: f"ipc://{folder / place.name}" for place in (TAP, PREVIEW, RESULTS, CHANNEL_CONTROL)
        }
        self.context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._publishers: dict[Endpoint, Publisher] = {}
        for place in (TAP, PREVIEW, RESULTS):
            self.start(place)

    def start(self, place: Endpoint) -> None:
        self._publishers[place] = Publisher(self.context, self.addresses[place], place.name)

    def stop(self, place: Endpoint) -> None:
        self._publishers.pop(place).socket.close()

    def heard(self, *places: Endpoint, count: int = 1) -> None:
        """Waits until so many have subscribed to each of these, and no more."""
        for place in places:
            publisher = self._publishers[place]
            publisher.note_subscriptions()
            while publisher.subscribers != count:
                assert publisher.socket.poll(10_000), f"{publisher.subscribers} are subscribed to {place.name}"
                publisher.note_subscriptions()

    def raw(self, place: Endpoint, *frames: bytes) -> None:
        self._publishers[place].socket.send_multipart(frames)

    def tap(self, gain: complex = 1, **fields: Any) -> None:
        after = SAMPLES * np.complex64(gain)
        self._publishers[TAP].publish("tap", {**TAPPED, **fields}, (SAMPLES, after))

    def preview(self, video: np.ndarray = VIDEO, **fields: Any) -> None:
        self._publishers[PREVIEW].publish("preview", {**PREVIEWED, **fields}, (video,))

    def result(self, *pictures: np.ndarray, **fields: Any) -> None:
        self._publishers[RESULTS].publish("result", {**RESULT, **fields}, pictures or (VIDEO, VIDEO[0]))

    def control(self, knobs: Knobs, status: Mapping[str, Any], links: Callable[[int | str], Knobs] | None) -> None:
        ControlServer(
            self.context, self.addresses[CHANNEL_CONTROL], knobs, lambda: status, "channel", knobs_of_link=links
        ).start()

    def close(self) -> None:
        for place in list(self._publishers):
            self.stop(place)
        self.context.term()


@pytest.fixture
def system(tmp_path: Path) -> Iterator[System]:
    system = System(tmp_path)
    yield system
    system.close()


@pytest.fixture
def client(system: System) -> Iterator[Client]:
    with Client(system.addresses, timeout_s=5) as client:
        yield client


@pytest.fixture
def knobs(system: System) -> Knobs:
    """The settings of a channel with two links, answered for at its control address."""
    knobs = Knobs(
        [
            (Knob("snr_db", "Es/N0", unit="dB", low=-60, high=100, auto=True), 10.0),
            (
                Knob(
                    "model",
                    "what it does",
                    kind="choice",
                    choices=("awgn", "erasure", "trace"),
                    unavailable=(("trace", "it needs a file"),),
                ),
                "awgn",
            ),
            (Knob("erasure_rate", "lost", low=0, high=1, only_for=("erasure",)), 0.5),
        ]
    )
    second = knobs.fork()
    system.control(knobs, {"bursts": 3}, lambda link: second if link in (2, "two") else knobs)
    return knobs
