"""The channel model ``two-path``: an echo some symbols behind the direct path, and white Gaussian noise.

y[n] = (x[n] + a·x[n − d]) / √(1 + a²) + w[n]: the echo makes memory within the burst, which the receiver takes for
noise. Both parameters can be set while it runs.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from channel.models.base import MODELS, Model, Report, State
from common.conventions import noise_variance
from common.knobs import Knob

DELAY = Knob("echo_delay_symbols", "how far the echo is behind", kind="integer", unit="symbols", low=1, high=4096)
LEVEL = Knob("echo_db", "power of the echo over that of the direct path", unit="dB", low=-60, high=0)


@MODELS.register("two-path", "an echo behind the direct path (example)")
class TwoPath(Model):
    """Both paths stand still."""

    knobs = ((DELAY, 3), (LEVEL, -20.0))

    def apply(self, samples: NDArray[np.complex64], state: State) -> tuple[NDArray[np.complex64], Report]:
        delay, level = int(state.number(DELAY)), 10.0 ** (state.number(LEVEL) / 20.0)
        echo = np.zeros_like(samples)
        echo[delay:] = samples[: max(0, samples.size - delay)]
        with np.errstate(over="ignore", invalid="ignore"):  # a hostile burst goes through as it is
            faded = ((samples + np.float32(level) * echo) / np.float32(math.sqrt(1.0 + level**2))).astype(np.complex64)
        snr_db = self.snr_db(state)
        received = state.draws.noise().add(faded, state.sequence, noise_variance(snr_db))
        return received, {"snr_set_db": snr_db, "gain_db": 0.0, "echo_db": state.number(LEVEL)}
