"""A burst on its way to one receiver, as the tap of the channel shows it: scheme, number of symbols, noise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from common import burst, wire
from common.conventions import airtime_ms, snr_db_of
from common.header import Header

SEGMENT = 32
"""Samples over which a fading gain is taken to stand still where the SNR is measured."""


@dataclass(frozen=True)
class TappedBurst:
    """One burst before and after the link to one receiver.

    Attributes:
        session: the life of the transmitter, 16 hexadecimal digits; ``seq`` counts its bursts from 0.
        link: number of the link, 1 … 64; ``receiver`` is the name of the receiver behind it.
        before, after: [n] complex64, the samples before and after the channel.
        header: read from ``before``; None where that holds none.
        model: name of the channel model.
        snr_set_db: average Es/N0 that the channel was set to, in dB.
        gain_db: mean |h|² over this burst in dB; None for a burst that was erased.
        snr_measured_db: Es/N0 measured from ``before`` and ``after``, in dB; infinite without noise.
        power: mean |before|²; 1 for a burst of this project's transmitter.
        evm_rms: RMS error after the channel, gain removed, relative to the RMS of the signal; a ratio.
    """

    session: str
    seq: int
    link: int
    receiver: str
    before: NDArray[np.complex64]
    after: NDArray[np.complex64]
    header: Header | None
    model: str
    snr_set_db: float
    gain_db: float | None
    snr_measured_db: float
    power: float
    evm_rms: float

    @property
    def content(self) -> str:
        """What it carries in words: scheme and code rate; "unreadable" without a header."""
        if self.header is None:
            return "unreadable"
        return f"{self.header.scheme.name} {self.header.mode_name}".rstrip()

    def facts(self) -> dict[str, object]:
        """All but the samples, ready for JSON: what is not finite is None."""
        header = self.header
        return {
            "seq": self.seq,
            "session": self.session,
            "link": self.link,
            "receiver": self.receiver,
            "scheme": header.scheme.name if header else None,
            "modes": header.modes if header else None,
            "clip": header.clip if header else None,
            "symbols": self.before.size,
            "symbols_payload": header.payload_symbols if header else None,
            "cbr_payload": header.cbr_payload if header else None,
            "cbr_total": header.cbr_total if header else None,
            "airtime_ms": airtime_ms(self.before.size),
            "model": self.model,
            "snr_set_db": self.snr_set_db,
            "gain_db": self.gain_db,
            "snr_measured_db": _finite(self.snr_measured_db),
            "power": _finite(self.power),
            "evm_rms": _finite(self.evm_rms),
        }


def from_message(message: wire.Message) -> TappedBurst:
    """The burst in a message of the kind "tap". Any samples are accepted; of hostile ones no figure need be finite."""
    # Whatever the caller has set for floating-point errors: samples of a peer must not raise one.
    with np.errstate(all="ignore"):
        return _measured(message)


def _measured(message: wire.Message) -> TappedBurst:
    before, after = message.samples(0), message.samples(1)
    power = _mean_power(before.astype(np.complex128))
    gain_db = message.header["gain_db"]
    if gain_db == 0:
        arrived, noise_power = power, _mean_power(after.astype(np.complex128) - before)
    else:
        arrived, noise_power = _behind_a_gain(before.astype(np.complex128), after.astype(np.complex128))
    return TappedBurst(
        session=message.header["session"],
        seq=message.header["seq"],
        link=message.header["link"],
        receiver=message.header["receiver"],
        before=before,
        after=after,
        header=burst.parse(before, noise_variance=1e-4) if np.isfinite(power) else None,
        model=message.header["model"],
        snr_set_db=message.header["snr_set_db"],
        gain_db=gain_db,
        snr_measured_db=snr_db_of(arrived, noise_power),
        power=power,
        evm_rms=float(np.sqrt(noise_power / arrived)) if arrived > 0 else 0.0,
    )


def _behind_a_gain(before: NDArray[np.complex128], after: NDArray[np.complex128]) -> tuple[float, float]:
    """Mean power of signal and noise after the channel, with a gain of its own fitted to every ``SEGMENT`` samples."""
    size = min(SEGMENT, before.size)
    if size < 2:
        return 0.0, 0.0
    count = before.size // size * size
    x, y = (samples[:count].reshape(-1, size) for samples in (before, after))
    energy = np.maximum(np.sum(np.abs(x) ** 2, axis=1), 1e-30)
    fitted = np.sum(x.conj() * y, axis=1) / energy
    noise = float(np.sum(np.abs(y - fitted[:, None] * x) ** 2)) / (x.size - len(x))
    # Each fit has taken one of its segment's samples of noise for signal.
    return float(np.sum(np.abs(fitted) ** 2 * energy)) / x.size - noise / size, noise


def _mean_power(samples: NDArray[np.complex128]) -> float:
    return float(np.vdot(samples, samples).real) / max(1, samples.size)


def _finite(value: float) -> float | None:
    """JSON has no infinities: None, where hostile or noiseless samples give one."""
    return value if np.isfinite(value) else None
