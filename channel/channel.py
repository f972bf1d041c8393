"""The channel as a pure object: what the air does to the samples of one burst."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from channel.models import awgn
from channel.noise import CounterNoise
from common.conventions import DEFAULT_SEED
from common.errors import BurstError
from common.knobs import Knobs, Value


class Channel:
    """A channel model with its live settings.

    The result for a burst depends on (seed, sequence, sample offset) and the settings alone, not on the bursts before.
    """

    model = awgn.NAME

    def __init__(self, *, snr_db: float, seed: int = DEFAULT_SEED) -> None:
        """``snr_db`` is Es/N0 in dB; ``seed`` seeds the noise. Raises SettingError."""
        self.knobs = Knobs([(awgn.SNR_DB, snr_db)])
        self._noise = CounterNoise(seed)

    def apply(self, samples: NDArray[np.complex64], sequence: int, offset: int = 0) -> NDArray[np.complex64]:
        """What arrives of burst ``sequence``: complex64 (n,) in, a new complex64 (n,) out. Raises BurstError.

        ``offset`` is the position of the first sample in the burst, for callers that hand a burst over in pieces.
        """
        return self.apply_with(self.knobs.begin(sequence), samples, sequence, offset)

    def apply_with(
        self, settings: Mapping[str, Value], samples: NDArray[np.complex64], sequence: int, offset: int = 0
    ) -> NDArray[np.complex64]:
        """As ``apply``, with settings that the caller has taken from ``knobs.begin`` and wants to report."""
        if samples.ndim != 1 or samples.dtype != np.complex64:
            raise BurstError(f"samples must be complex64 (n,), not {samples.dtype} {samples.shape}")
        if sequence < 0 or offset < 0:
            raise BurstError("sequence and offset must not be negative")
        return awgn.apply(samples, sequence, offset, settings, self._noise)
