"""The transmitter process: a loop around ``Transmitter`` that sends clips as fast as the receiver takes them."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

import zmq

from common import endpoints, wire
from common.clip import Clip
from common.control import ControlServer
from common.conventions import SNR_DB_LIMITS
from common.errors import GvscError, ProtocolError
from common.knobs import Knob, Knobs, Value
from common.publisher import PICTURE_QUEUE, Publisher
from common.sections.base import encoder_options
from common.service import say
from transmitter import adaptive
from transmitter.adaptive import LinkAdaptation
from transmitter.credit import WINDOW, Credit
from transmitter.transmitter import Encoded, Transmitter

PROBE_INTERVAL_S: Final = 0.5
"""How long no news lasts before the transmitter asks with a probe."""

REMEMBERED_BURSTS: Final = 1024
"""Bursts whose ``tx_snr_db`` is kept, to stand beside the estimate when the acknowledgement comes."""

FIRST_TX_SNR_DB: Final = 10.0
"""What the transmitter believes of the SNR before the first estimate has come back."""

TX_SNR_DB: Final = Knob(
    "tx_snr_db",
    "SNR that the encoders assume; auto: the last estimate, the lowest where there are several receivers",
    unit="dB",
    low=SNR_DB_LIMITS[0],
    high=SNR_DB_LIMITS[1],
    auto=True,
)
PAUSED: Final = Knob("paused", "send nothing until switched off", kind="switch")


def scheme_parameter() -> Knob:
    """The live parameter that says what is sent, with the schemes that are there."""
    return Knob("scheme", "what each burst carries", kind="choice", choices=adaptive.choices())


class TransmitterProcess:
    """Binds the transmitter's sockets. ``run`` sends every clip and returns when all are acknowledged or lost."""

    def __init__(
        self,
        context: zmq.Context[zmq.Socket[bytes]],
        *,
        scheme: str,
        options: Mapping[str, Value] | None = None,
        tx_snr_db: float | None,
        paused: bool,
        window: int = WINDOW,
        uplink: str,
        feedback: str,
        preview: str,
        control: str,
    ) -> None:
        """``options`` are settings of the sections' encoders by name; ``tx_snr_db`` None means the lowest of the
        receivers' last estimates. Raises EndpointError, SettingError."""
        self._encoder_options = encoder_options()
        given = {name: option.default for name, option in self._encoder_options.items()} | dict(options or {})
        self._knobs = Knobs(
            [
                (scheme_parameter(), scheme),
                *((option.parameter, given[name]) for name, option in self._encoder_options.items()),
                (TX_SNR_DB, tx_snr_db),
                (PAUSED, paused),
            ]
        )
        self._adaptation = LinkAdaptation()
        self._credit = Credit(window)
        self._session = wire.new_session()
        self._seq = 0
        self._ready = self._linked = False
        self._book = threading.Lock()
        """Held while the accounts change or are read, so that what a status says of them adds up."""
        self._failed: Counter[str] = Counter()
        self._believed_snr_db: dict[int, float] = {}
        self._last_heard: dict[str, Any] | None = None
        self._refused = self._skipped = 0
        self._last_news = 0.0
        self._uplink = endpoints.open_socket(context, zmq.PUSH)
        endpoints.connect(self._uplink, uplink, "uplink")
        self._feedback = endpoints.open_socket(context, zmq.PULL, high_water_mark=256)
        self.addresses = {"feedback": endpoints.bind(self._feedback, feedback, "feedback")}
        self._preview = Publisher(context, preview, "preview", PICTURE_QUEUE)
        # The control thread may not touch these sockets: a turned knob wakes the loop through a pair of its own.
        wake_address = f"inproc://wake-{self._session}"
        self._woken = endpoints.open_socket(context, zmq.PULL)
        endpoints.bind(self._woken, wake_address, "wake")
        self._wake = endpoints.open_socket(context, zmq.PUSH)
        endpoints.connect(self._wake, wake_address, "wake")
        self._control = ControlServer(context, control, self._knobs, self._status, "transmitter", self._knob_turned)
        self.addresses |= {"preview": self._preview.address, "control": self._control.address}
        self._control.start()

    def run(self, load: Callable[[], Transmitter], clips: Iterable[Clip]) -> None:
        """Loads the transmitter, waits until a receiver answers through the channel, sends all clips.

        A clip that cannot be encoded is told and skipped. Raises WeightsError from ``load``.
        """
        transmitter = load()
        self._ready = True
        say("transmitter", "ready; waiting for a receiver")
        while not self._linked:
            self._probe()
            self._pump(PROBE_INTERVAL_S)
        say("transmitter", "a receiver answers: sending")
        for clip in clips:
            self._wait_until(lambda: self._credit.open and not self._knobs.get("paused"))
            self._send(transmitter, clip)
        self._wait_until(lambda: not self._credit.waiting)
        totals = self._credit.totals()
        say("transmitter", f"done: {self._seq} bursts sent, {totals['delivered']} delivered, {totals['lost']} lost")

    def _send(self, transmitter: Transmitter, clip: Clip) -> None:
        seq = self._seq
        settings = self._knobs.begin(seq)
        tx_snr_db = settings["tx_snr_db"]
        if tx_snr_db is None:
            estimated = self._credit.snr_db
            tx_snr_db = FIRST_TX_SNR_DB if estimated is None else estimated
        assert isinstance(tx_snr_db, (int, float))
        options = {name: settings[name] for name in self._encoder_options}
        chosen = self._adaptation.choose(str(settings["scheme"]), options, tx_snr_db)
        try:
            encoded = transmitter.encode_with_details(clip, tx_snr_db, chosen.scheme, chosen.options)
        except Exception as error:  # noqa: BLE001  (one clip must not take all down)
            self._skipped += 1
            words = str(error) if isinstance(error, GvscError) else f"{type(error).__name__}: {error}"
            say("transmitter", f"skipped: {words}")
            return
        for message in encoded.messages:
            say("transmitter", f"clip {clip.name!r}: {message}")
        self._seq += 1
        self._show(seq, clip, encoded, tx_snr_db)
        samples = encoded.burst.samples
        fields = {"session": self._session, "seq": seq, "samples": samples.size, "dtype": "cf32_le"}
        while not self._try_send("burst", fields, (samples,)):
            self._pump(PROBE_INTERVAL_S)
        with self._book:
            self._credit.sent(seq)
            self._believed_snr_db[seq] = tx_snr_db
            self._believed_snr_db.pop(seq - REMEMBERED_BURSTS, None)
        self._last_news = time.monotonic()

    def _show(self, seq: int, clip: Clip, encoded: Encoded, tx_snr_db: float) -> None:
        self._preview.publish(
            "preview",
            {
                "session": self._session,
                "seq": seq,
                "clip": clip.number,
                "name": clip.name[:256],
                "caption": clip.caption[: wire.MAX_TEXT],
                "sent": encoded.text[: wire.MAX_TEXT],
                "scheme": encoded.burst.header.scheme.name,
                "modes": {name: mode[: wire.MAX_NAME] for name, mode in encoded.burst.header.modes.items()},
                "tx_snr_db": tx_snr_db,
                "seconds": encoded.seconds,
                "shape": list(clip.video.shape),
            },
            (clip.video,),
        )

    def _wait_until(self, done: Callable[[], bool]) -> None:
        while not done():
            if self._credit.waiting and time.monotonic() - self._last_news >= PROBE_INTERVAL_S:
                self._probe()
            # With nothing outstanding there is no news to miss: sleep until a knob is turned.
            self._pump(PROBE_INTERVAL_S if self._credit.waiting else None)

    def _probe(self) -> int:
        self._last_news = time.monotonic()
        with self._book:
            number = self._credit.probe()
        self._try_send("probe", {"session": self._session, "probe": number, "links": []})
        return number

    def _try_send(self, kind: str, fields: dict[str, Any], payloads: tuple[Any, ...] = ()) -> bool:
        try:
            wire.send(self._uplink, kind, fields, payloads, flags=zmq.NOBLOCK)
        except zmq.Again:
            return False
        return True

    def _pump(self, timeout_s: float | None) -> None:
        """Waits for news up to ``timeout_s`` (None: for ever) and takes in all there is."""
        poller = zmq.Poller()
        for socket in (self._feedback, self._preview.socket, self._woken):
            poller.register(socket, zmq.POLLIN)
        ready = dict(poller.poll(None if timeout_s is None else int(timeout_s * 1000)))
        if self._preview.socket in ready:
            self._preview.note_subscriptions()
        if self._woken in ready:
            self._woken.recv()
        if self._feedback in ready:
            try:
                message = wire.receive(self._feedback, ("ack", "pong", "hello"))
            except ProtocolError:
                self._refused += 1
                return
            if message.kind == "hello":
                number = self._probe()
                with self._book:
                    self._credit.greeted(message.header["name"], number)
            elif message.header["session"] == self._session:
                self._take_in(message)

    def _take_in(self, message: wire.Message) -> None:
        self._last_news = time.monotonic()
        header = message.header
        name = header["name"]
        if message.kind == "ack":
            with self._book:
                if self._credit.acknowledged(name, header["seq"], header["snr_db"]):
                    self._failed.update(header["failed"])
                    self._last_heard = {
                        "receiver": name,
                        "seq": header["seq"],
                        "tx_snr_db": self._believed_snr_db.get(header["seq"]),
                        "snr_db": header["snr_db"],
                        "failed": header["failed"],
                    }
            return
        self._linked = True
        with self._book:
            losses = self._credit.answered(name, header["probe"], header["holding"], header["links"])
        for loser, lost in losses.items():
            bursts = f"{len(lost)} burst{'s' * (len(lost) > 1)}"
            say("transmitter", f"lost {bursts} on the way to {loser}: {', '.join(map(str, lost))}")

    def _knob_turned(self) -> None:
        with contextlib.suppress(zmq.Again):  # then enough wake-ups are waiting already
            self._wake.send(b"", zmq.NOBLOCK)

    def _status(self) -> dict[str, Any]:
        with self._book:
            accounts = {**self._credit.totals(), "receivers": self._credit.describe()}
            estimated_snr_db = self._credit.snr_db
            heard = {"failed": dict(self._failed), "last_heard": self._last_heard}
        return {
            "role": "transmitter",
            "pid": os.getpid(),
            "ready": self._ready,
            "linked": self._linked,
            "session": self._session,
            "bursts": self._seq,
            **accounts,
            **heard,
            "window": self._credit.size,
            "skipped": self._skipped,
            "estimated_snr_db": estimated_snr_db,
            "preview_subscribers": self._preview.subscribers,
            "refused": self._refused,
            "control_refused": self._control.refused,
        }
