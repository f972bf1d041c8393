"""How fast the channel process is, through its sockets, and what bare numpy would need for the same noise."""

from __future__ import annotations

import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import zmq
from numpy.typing import NDArray

from channel.memory import keep_freed_memory
from common import endpoints, wire
from common.doors import KEYS_VARIABLE
from common.endpoints import DOWNLINK, UPLINK
from gvsc.services import Services, private_addresses

Socket = zmq.Socket[bytes]

IN_FLIGHT = 8
"""Bursts on their way while throughput is measured, enough to keep the process busy."""

SNR_DB = 10.0


def measure(symbols: int, seconds: float) -> dict[str, Any]:
    """Throughput with ``IN_FLIGHT`` bursts on their way, then latency at half that rate, for bursts of ``symbols``.

    The opponent is the least that any channel has to do: ``Generator(SFC64).standard_normal(dtype=float32)`` and an
    addition, one thread, no sockets. It runs before and after, and the mean of both counts, as machines drift.
    ``direct_latency_ms`` is that of the same bursts at the same rate with no channel in between: what the two ends and
    this machine's pauses cost by themselves.
    """
    keep_freed_memory()  # for the line's ends and the opponent too
    samples = np.exp(2j * np.pi * np.random.default_rng(0).random(symbols)).astype(np.complex64)
    with tempfile.TemporaryDirectory(prefix="gvsc-") as folder:
        addresses = private_addresses(Path(folder)) | {
            UPLINK: f"tcp://127.0.0.1:{_free_port()}",
            DOWNLINK: f"tcp://127.0.0.1:{_free_port()}",
        }
        # Without keys: it plays the transmitter and the receiver itself, and the opponent encrypts nothing either.
        with Services(Path(folder), addresses, {KEYS_VARIABLE: ""}) as services:
            services.start("channel", "--snr-db", str(SNR_DB))
            services.wait_for("channel", lambda status: status["ready"], 30)
            line = _Line(*_through_channel(services), samples)
            line.throughput(seconds / 5)  # connections, caches and clocks warm up
            before = _numpy_rate(samples, seconds / 2)
            rate = line.throughput(seconds)
            after = _numpy_rate(samples, seconds / 2)
            latency_s = line.latency(seconds, interval_s=2.0 / rate)
            line.close()
            line = _Line(*_direct(services.context), samples)
            direct_s = line.latency(seconds, interval_s=2.0 / rate)
            line.close()
    numpy_rate = (before + after) / 2
    return {
        "symbols": symbols,
        "msymbols_per_s": rate * symbols / 1e6,
        "numpy_msymbols_per_s": numpy_rate * symbols / 1e6,
        "ratio": rate / numpy_rate,
        "latency_ms": _quantiles(latency_s),
        "direct_latency_ms": _quantiles(direct_s),
    }


def _quantiles(latency_s: list[float]) -> dict[str, float]:
    p50, p99 = 1e3 * np.quantile(latency_s, (0.5, 0.99))
    return {"p50": float(p50), "p99": float(p99), "bursts": len(latency_s)}


def _through_channel(services: Services) -> tuple[Socket, Socket]:
    push = endpoints.open_socket(services.context, zmq.PUSH)
    pull = endpoints.open_socket(services.context, zmq.DEALER)
    endpoints.connect(push, services.addresses[UPLINK], "uplink")
    endpoints.connect(pull, services.addresses[DOWNLINK], "downlink")
    wire.send(pull, "join", {"name": "bench", "life": wire.new_session()})
    wire.receive(pull, ("joined",))
    return push, pull


def _direct(context: zmq.Context[Socket]) -> tuple[Socket, Socket]:
    push, pull = (endpoints.open_socket(context, kind) for kind in (zmq.PUSH, zmq.PULL))
    endpoints.connect(push, endpoints.bind(pull, "tcp://127.0.0.1:*", "direct"), "direct")
    return push, pull


def _free_port() -> int:
    with zmq.Context() as context, endpoints.open_socket(context, zmq.PULL) as socket:
        return int(endpoints.bind(socket, "tcp://127.0.0.1:*", "probe").rsplit(":", 1)[1])


def _numpy_rate(samples: NDArray[np.complex64], seconds: float) -> float:
    """Bursts a second that bare numpy adds noise to."""
    generator = np.random.Generator(np.random.SFC64(1))
    reals = samples.view(np.float32)
    count, began = 0, time.perf_counter()
    while (elapsed := time.perf_counter() - began) < seconds:
        for _ in range(20):
            generator.standard_normal(reals.size, dtype=np.float32) + reals
        count += 20
    return count / elapsed


class _Line:
    """Both ends of a data path, with the same checks on each message that the real ends make."""

    def __init__(self, push: Socket, pull: Socket, samples: NDArray[np.complex64]) -> None:
        self._push, self._pull, self._samples = push, pull, samples
        self._session = wire.new_session()
        self._seq = 0

    def throughput(self, seconds: float) -> float:
        """Bursts a second with ``IN_FLIGHT`` on their way."""
        for _ in range(IN_FLIGHT):
            self._send()
        count, began = 0, time.perf_counter()
        while (elapsed := time.perf_counter() - began) < seconds:
            self._receive()
            self._send()
            count += 1
        for _ in range(IN_FLIGHT):
            self._receive()
        return count / elapsed

    def latency(self, seconds: float, interval_s: float) -> list[float]:
        """Seconds from send to receipt of each burst, one sent every ``interval_s`` whatever comes back."""
        count = int(seconds / interval_s)
        first = self._seq
        due = [0.0] * count
        took = []

        def receive() -> None:
            for _ in range(count):
                seq = self._receive()
                took.append(time.perf_counter() - due[seq - first])

        reader = threading.Thread(target=receive)
        reader.start()
        start = time.perf_counter()
        for index in range(count):
            wait = start + index * interval_s - time.perf_counter()
            if wait > 0:
                time.sleep(wait)
            due[index] = time.perf_counter()
            self._send()
        reader.join()
        return took

    def close(self) -> None:
        self._push.close()
        self._pull.close()

    def _send(self) -> None:
        fields = {"session": self._session, "seq": self._seq, "samples": self._samples.size, "dtype": "cf32_le"}
        wire.send(self._push, "burst", fields, (self._samples,))
        self._seq += 1

    def _receive(self) -> int:
        seq: int = wire.receive(self._pull, ("burst",)).header["seq"]
        return seq
