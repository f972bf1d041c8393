"""What the tap of the channel tells about one burst: which scheme, how many symbols, how noisy."""

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
    """One burst as the tap saw it on its way to ``receiver``: ``before`` and ``after`` link number ``link``, complex64
    (n,); SNRs in dB.

    ``header`` is read from the samples before the channel, None where they hold none. ``snr_set_db`` is the average
    Es/N0 that the channel's ``model`` was set to, ``gain_db`` what its fading did to this burst (mean |h|², None for a
    burst that was erased), ``snr_measured_db`` what came of both. ``power`` is mean |before|²; ``evm_rms`` the RMS
    error, gain taken out, relative to the RMS of ``before``, a ratio.
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
        """What it carries in words: scheme, and code rate of the description or mode of the video."""
        if self.header is None:
            return "unreadable"
        return f"{self.header.scheme.name} {self.header.mode_name}".rstrip()

    def facts(self) -> dict[str, object]:
        """The numbers for a line of JSON."""
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
    """The burst in a message of kind "tap"."""
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
    with np.errstate(all="ignore"):  # hostile samples: what comes out is not finite, and told as such
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
