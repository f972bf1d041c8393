"""What the tap of the channel tells about one burst: which scheme, how many symbols, how noisy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from common import burst, wire
from common.burst import Header
from common.conventions import snr_db_of


@dataclass(frozen=True)
class TappedBurst:
    """One burst as the tap saw it: ``before`` and ``after`` the channel, complex64 (n,); SNRs in dB.

    ``header`` is read from the samples before the channel, None where they hold none. ``power`` is mean |before|²;
    ``evm_rms`` the RMS error relative to the RMS of ``before``, a ratio.
    """

    session: str
    seq: int
    before: NDArray[np.complex64]
    after: NDArray[np.complex64]
    header: Header | None
    snr_set_db: float
    snr_measured_db: float
    power: float
    evm_rms: float

    def facts(self) -> dict[str, object]:
        """The numbers for a line of JSON."""
        header = self.header
        return {
            "seq": self.seq,
            "session": self.session,
            "scheme": header.scheme.name if header else None,
            "clip": header.clip if header else None,
            "symbols": self.before.size,
            "symbols_payload": header.payload_symbols if header else None,
            "cbr_payload": header.cbr_payload if header else None,
            "cbr_total": header.cbr_total if header else None,
            "snr_set_db": self.snr_set_db,
            "snr_measured_db": _finite(self.snr_measured_db),
            "power": _finite(self.power),
            "evm_rms": _finite(self.evm_rms),
        }


def from_message(message: wire.Message) -> TappedBurst:
    """The burst in a message of kind "tap"."""
    before, after = message.samples(0), message.samples(1)
    power = _mean_power(before.astype(np.complex128))
    noise_power = _mean_power(after.astype(np.complex128) - before)
    return TappedBurst(
        session=message.header["session"],
        seq=message.header["seq"],
        before=before,
        after=after,
        header=burst.parse(before, noise_variance=1e-4) if np.isfinite(power) else None,
        snr_set_db=message.header["snr_set_db"],
        snr_measured_db=snr_db_of(power, noise_power),
        power=power,
        evm_rms=float(np.sqrt(noise_power / power)) if power else 0.0,
    )


def _mean_power(samples: NDArray[np.complex128]) -> float:
    return float(np.vdot(samples, samples).real) / max(1, samples.size)


def _finite(value: float) -> float | None:
    """JSON has no infinities: None, where hostile or noiseless samples give one."""
    return value if np.isfinite(value) else None
