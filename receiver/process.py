"""The receiver process: a loop around ``Receiver``, and a thread for the sockets, so that they never wait for work."""

from __future__ import annotations

import os
import queue
import secrets
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import zmq
from numpy.typing import NDArray

from common import endpoints, wire
from common.control import ControlServer
from common.errors import EndpointError, GvscError, ProtocolError
from common.knobs import Knob, Knobs
from common.publisher import PICTURE_QUEUE, Publisher
from common.service import say
from receiver.downlink import Downlink
from receiver.receiver import Receiver, Reconstruction

QUEUE: Final = 16
"""Bursts that may wait here; the transmitter's credit window keeps it far below."""

FEEDBACK_QUEUE: Final = 256
"""Feedback kept for a transmitter that is away for a moment."""

SESSIONS: Final = 64
"""Transmitter lives whose sequence is remembered."""

DISMISSED: Final = {
    "replaced": "another receiver has joined the channel under the name {name!r}: give each its own with --name",
    "full": "the channel has no link left for this receiver: stop another one first",
}

STEPS: Final = Knob(
    "steps", "sampling steps; auto: the generator's default", kind="integer", low=1, high=1000, auto=True
)
GUIDANCE: Final = Knob("guidance", "ω of eq. (2); auto: the generator's default", low=0, high=100, auto=True)


@dataclass(frozen=True)
class Arrived:
    """One burst as it came off the socket."""

    session: str
    seq: int
    samples: NDArray[np.complex64]


class Inbox:
    """Sequence bookkeeping: what is held and unacknowledged, and how many bursts are missing."""

    def __init__(self) -> None:
        self.gaps = 0
        self._next: dict[str, int] = {}
        self._holding: dict[str, list[int]] = {}

    def arrived(self, session: str, seq: int) -> bool:
        """Notes burst ``seq``. False for one that came before: it is not to be decoded twice."""
        expected = self._next.get(session)
        if expected is not None and seq < expected:
            return False
        if expected is not None:
            self.gaps += seq - expected
        self._next.pop(session, None)
        self._next[session] = seq + 1
        while len(self._next) > SESSIONS:
            del self._next[next(iter(self._next))]
        self._holding.setdefault(session, []).append(seq)
        return True

    def finished(self, session: str, seq: int) -> None:
        """Burst ``seq`` was decoded and acknowledged."""
        held = self._holding[session]
        held.remove(seq)
        if not held:
            del self._holding[session]

    def holding(self, session: str) -> list[int]:
        """Bursts of that session that arrived and are not finished."""
        return list(self._holding.get(session, ()))


class ReceiverProcess:
    """Binds the receiver's sockets. ``run`` decodes what arrives until the process ends."""

    def __init__(
        self,
        context: zmq.Context[zmq.Socket[bytes]],
        *,
        name: str,
        steps: int | None,
        guidance: float | None,
        downlink: str,
        feedback: str,
        results: str,
        control: str,
    ) -> None:
        """``name`` is what it joins the channel as; ``steps`` and ``guidance`` None mean the generator's defaults.
        Raises EndpointError, SettingError."""
        self._knobs = Knobs([(STEPS, steps), (GUIDANCE, guidance)])
        self._book = Inbox()
        self._name = name
        self._session = ""
        self._dismissed = ""
        self._work: queue.Queue[Arrived | None] = queue.Queue()
        self._done: queue.SimpleQueue[tuple[Arrived, Reconstruction | None]] = queue.SimpleQueue()
        self._unsent: deque[tuple[str, dict[str, Any]]] = deque(maxlen=FEEDBACK_QUEUE)
        self._ready = False
        self._counts = {"bursts": 0, "refused": 0, "repeated": 0, "errors": 0, "unwritten": 0}
        self._missed = 0
        self._failures = {"samples": 0, "header": 0}
        self._downlink = Downlink(context, downlink, name)
        self._feedback = endpoints.open_socket(context, zmq.PUSH, high_water_mark=FEEDBACK_QUEUE)
        endpoints.connect(self._feedback, feedback, "feedback")
        self._results = Publisher(context, results, "results", PICTURE_QUEUE)
        wake_address = f"inproc://done-{secrets.token_hex(4)}"
        self._woken = endpoints.open_socket(context, zmq.PULL)
        endpoints.bind(self._woken, wake_address, "wake")
        self._wake = endpoints.open_socket(context, zmq.PUSH)
        endpoints.connect(self._wake, wake_address, "wake")
        self._control = ControlServer(context, control, self._knobs, self._status, "receiver")
        self.addresses = {"results": self._results.address, "control": self._control.address}
        self._control.start()

    def run(self, load: Callable[[], Receiver], keep: Callable[[int, Reconstruction], None] | None = None) -> None:
        """Loads the receiver, then decodes burst after burst. Nothing is taken off the air before it is loaded.

        ``keep`` is called with each burst's sequence number and reconstruction. Raises WeightsError from ``load``,
        EndpointError where the channel sends this receiver away.
        """
        receiver = load()
        self._ready = True
        say("receiver", "ready")
        threading.Thread(target=self._serve_sockets, name="receiver-sockets", daemon=True).start()
        while True:
            burst = self._work.get()
            if self._dismissed or burst is None:
                raise EndpointError(DISMISSED[self._dismissed].format(name=self._name))
            self._done.put((burst, self._decode(receiver, burst, keep)))
            self._wake.send(b"")

    def _decode(
        self, receiver: Receiver, burst: Arrived, keep: Callable[[int, Reconstruction], None] | None
    ) -> Reconstruction | None:
        if self._session and burst.session != self._session:
            self._knobs.new_session()
        self._session = burst.session
        settings = self._knobs.begin(burst.seq)
        steps, guidance = settings["steps"], settings["guidance"]
        assert steps is None or isinstance(steps, int)
        assert guidance is None or isinstance(guidance, (int, float))
        try:
            made = receiver.decode(burst.samples, steps=steps, guidance=guidance)
        except Exception as error:  # noqa: BLE001 (one burst must not take all down)
            words = str(error) if isinstance(error, GvscError) else f"{type(error).__name__}: {error}"
            self._tell_error(burst.seq, words)
            return None
        for message in made.messages:
            self._tell_error(burst.seq, message)
        if keep is not None:
            self._keep(burst.seq, made, keep)
        return made

    def _keep(self, seq: int, made: Reconstruction, keep: Callable[[int, Reconstruction], None]) -> None:
        """What cannot be written is counted, and told when that begins and ends: a disk may be full for long."""
        try:
            keep(seq, made)
        except GvscError as error:
            if not self._missed:
                say("receiver", f"{error}; going on without, until there is room")
            self._missed += 1
            self._counts["unwritten"] += 1
            return
        if self._missed:
            say("receiver", f"burst {seq} is written again; {self._missed} were not")
            self._missed = 0

    def _tell_error(self, seq: int, words: str) -> None:
        self._counts["errors"] += 1
        say("receiver", f"burst {seq}: {words}")

    def _serve_sockets(self) -> None:
        try:
            while True:
                self._serve_once()
        except zmq.ContextTerminated:
            return
        except zmq.ZMQError as error:
            if error.errno != zmq.ENOTSOCK:
                raise

    def _serve_once(self) -> None:
        poller = zmq.Poller()
        poller.register(self._woken, zmq.POLLIN)
        poller.register(self._results.socket, zmq.POLLIN)
        poller.register(self._downlink.monitor, zmq.POLLIN)
        if self._work.qsize() < QUEUE and not self._dismissed:
            poller.register(self._downlink.socket, zmq.POLLIN)
        if self._unsent:
            poller.register(self._feedback, zmq.POLLOUT)
        wait_s = self._downlink.tend()
        ready = dict(poller.poll(None if wait_s is None else max(1, int(wait_s * 1000))))
        if self._woken in ready:
            self._woken.recv()
        if self._results.socket in ready:
            self._results.note_subscriptions()
        if self._downlink.monitor in ready:
            self._downlink.note_connections()
        if self._downlink.socket in ready:
            self._take_in()
        self._report_done()
        self._flush_feedback()

    def _take_in(self) -> None:
        try:
            message = self._downlink.receive()
        except ProtocolError:
            self._counts["refused"] += 1
            return
        match message.kind:
            case "burst":
                self._take_burst(message)
            case "probe":
                # Acknowledgements first: a finished burst must not look lost to the transmitter.
                self._report_done()
                about = {k: message.header[k] for k in ("session", "probe", "links")}
                holding = self._book.holding(about["session"])
                self._unsent.append(
                    ("pong", {**about, "name": self._name, "holding": holding, "gaps": self._book.gaps})
                )
            case "joined":
                say("receiver", f"joined the channel as {self._name}: link {self._downlink.link}")
                self._unsent.append(("hello", {"name": self._name}))
            case _:
                self._dismissed = message.header["reason"]
                self._work.put(None)

    def _take_burst(self, message: wire.Message) -> None:
        session = message.header["session"]
        if not self._book.arrived(session, message.header["seq"]):
            self._counts["repeated"] += 1
            return
        self._counts["bursts"] += 1
        self._work.put(Arrived(session, message.header["seq"], message.samples()))

    def _report_done(self) -> None:
        while True:
            try:
                burst, made = self._done.get_nowait()
            except queue.Empty:
                return
            failed = list(made.failed) if made else ["receiver"]
            for name in failed:
                self._failures[name] = self._failures.get(name, 0) + 1
            about = {"session": burst.session, "seq": burst.seq}
            snr_db = made.snr_db if made else None
            if made is not None:
                self._show(about, made)
            self._unsent.append(
                ("ack", {**about, "name": self._name, "snr_db": snr_db, "failed": failed, "gaps": self._book.gaps})
            )
            self._book.finished(burst.session, burst.seq)

    def _show(self, about: dict[str, Any], made: Reconstruction) -> None:
        """Publishes a result. One that cannot be told must not hold up the acknowledgement."""
        try:
            self._publish(about, made)
        except Exception as error:  # noqa: BLE001  (a section's picture may be anybody's code)
            self._tell_error(about["seq"], f"the result cannot be shown: {type(error).__name__}: {error}")

    def _publish(self, about: dict[str, Any], made: Reconstruction) -> None:
        pictures = made.pictures
        sections = [
            {
                "name": name,
                "modality": arrived.modality,
                "snr_db": arrived.snr_db,
                "failed": arrived.failed,
                "shape": list(pictures[name].shape) if name in pictures else [],
            }
            for name, arrived in made.sections.items()
        ]
        self._results.publish(
            "result",
            {
                **about,
                "receiver": self._name,
                "clip": made.header.clip if made.header else None,
                "scheme": made.header.scheme.name if made.header else None,
                "snr_db": made.snr_db,
                "text": None if made.text is None else made.text[: wire.MAX_TEXT],
                "text_ok": made.text is not None,
                "failed": list(made.failed),
                "generator": made.generator,
                "task": None if made.task is None else made.task[: wire.MAX_NAME],
                "seconds": made.seconds,
                "gaps": self._book.gaps,
                "shape": list(made.video.shape),
                "sections": sections,
            },
            (made.video, *pictures.values()),
        )

    def _flush_feedback(self) -> None:
        while self._unsent:
            try:
                wire.send(self._feedback, *self._unsent[0], flags=zmq.NOBLOCK)
            except zmq.Again:
                return
            self._unsent.popleft()

    def _status(self) -> dict[str, Any]:
        return {
            "role": "receiver",
            "pid": os.getpid(),
            "ready": self._ready,
            "name": self._name,
            "link": self._downlink.link,
            "waiting": self._work.qsize(),
            "gaps": self._book.gaps,
            "failures": dict(self._failures),
            "results_subscribers": self._results.subscribers,
            "control_refused": self._control.refused,
            **self._counts,
        }
