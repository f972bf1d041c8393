"""The section ``thumbnail``: the first frame in 8×8 pixels, analogue, with a coded scale in front of it.

It shows what a section of one's own may have: weights (variances of the coefficients, fitted by ``fit.py``), side
information that is coded, sent and counted among the section's symbols, a defined result where that is lost, and
something for a generator: a first frame.

    78 symbols: 8 bits of scale, CRC-16, turbo code, 4-QAM | 96 symbols: 192 DCT coefficients, analogue
"""

from __future__ import annotations

import math
from fractions import Fraction
from functools import cached_property
from importlib import resources
from typing import Any

import numpy as np
from numpy.typing import NDArray

from common.coding import bits as bit_vectors
from common.coding import block
from common.sections.base import (
    Arrived,
    Encoded,
    Observation,
    Options,
    Section,
    Slot,
    Sources,
    register,
    to_bytes,
)

SIDE = 8
REALS = 3 * SIDE * SIDE
RATE = Fraction(1, 6)
SCALE_BITS = 8
SCALE_STEP_DB = 0.5
"""The scale goes in steps of half a dB, from −64 dB on."""

SIDE_SYMBOLS = block.symbol_count(SCALE_BITS, RATE)


@register("the first frame in 8×8 pixels")
class ThumbnailSection(Section):
    """A first frame that costs next to nothing."""

    name = "thumbnail"
    kind = "analogue"
    modality = "frame"
    condition = "frame"
    colour = "#087f5b"

    def symbols(self, slot: Slot) -> int:
        """The same for every size of the clip."""
        return SIDE_SYMBOLS + REALS // 2

    def extract(self, sources: Sources) -> NDArray[np.float32]:
        """The first frame, float32 (3, H, W) in [0, 1]."""
        return sources.clip.video[0].transpose(2, 0, 1).astype(np.float32) / 255.0

    def encode(self, content: Any, tx_snr_db: float, slot: Slot, options: Options) -> Encoded:
        reals = (_dct(_shrunk(content)) - self._mean) / np.sqrt(self._variances)
        level = round((10.0 * math.log10(max(float(np.mean(reals**2)), 1e-9)) + 64.0) / SCALE_STEP_DB)
        level = min(max(level, 0), (1 << SCALE_BITS) - 1)
        side = block.encode(bit_vectors.from_bytes(bytes([level])), RATE)
        first, second = reals.reshape(2, -1)
        analogue = first + 1j * second
        power = float(np.mean(np.abs(analogue) ** 2))
        # of unit power; nothing at all is sent as something that the scale makes nothing of again
        analogue = analogue / math.sqrt(power) if power else np.ones(analogue.size)
        return Encoded(np.concatenate([side, analogue]).astype(np.complex64))

    def decode(self, observation: Observation, slot: Slot) -> Arrived:
        """The thumbnail at the clip's size; where the scale is lost, at the usual one."""
        symbols, noise = observation.equalised(slice(0, SIDE_SYMBOLS))
        bits = block.decode(symbols, SCALE_BITS, noise, RATE)
        level = 64.0 / SCALE_STEP_DB if bits is None else bit_vectors.to_bytes(bits)[0]
        scale = 10.0 ** ((level * SCALE_STEP_DB - 64.0) / 20.0)
        analogue, snr_db = observation.spread(slice(SIDE_SYMBOLS, None))
        shrink = 1.0 / (1.0 + 10.0 ** (-0.1 * snr_db))
        reals = np.concatenate([analogue.real, analogue.imag]) * (shrink * scale * math.sqrt(2.0))
        picture = _grown(_idct(reals * np.sqrt(self._variances) + self._mean), slot.height, slot.width)
        return self.arrived(picture, snr_db, failed=bits is None, message="its scale is lost" if bits is None else "")

    def picture(self, value: Any) -> NDArray[np.uint8]:
        return to_bytes(value.transpose(1, 2, 0))

    def video(self, value: Any, slot: Slot) -> NDArray[np.uint8]:
        return np.repeat(self.picture(value)[None], slot.frames, axis=0)

    @property
    def _mean(self) -> NDArray[np.float32]:
        return self._weights["mean"]

    @property
    def _variances(self) -> NDArray[np.float32]:
        return self._weights["variances"]

    @cached_property
    def _weights(self) -> dict[str, NDArray[np.float32]]:
        from safetensors.numpy import load

        found: dict[str, NDArray[np.float32]] = load(
            (resources.files("gvsc_example") / "thumbnail.safetensors").read_bytes()
        )
        return found


def _shrunk(frame: NDArray[np.float32]) -> NDArray[np.float32]:
    """(3, H, W) to means over (3, SIDE, SIDE) equal rectangles."""
    _, height, width = frame.shape
    cells = frame.reshape(3, SIDE, height // SIDE, SIDE, width // SIDE)
    means: NDArray[np.float32] = cells.mean((2, 4))
    return means


def _grown(small: NDArray[np.float32], height: int, width: int) -> NDArray[np.float32]:
    """(3, SIDE, SIDE) to float32 (3, height, width) in [0, 1], linear between the centres."""
    out = small
    for axis, length in ((1, height), (2, width)):
        place = np.clip((np.arange(length) + 0.5) * SIDE / length - 0.5, 0, SIDE - 1)
        below = np.minimum(place.astype(int), SIDE - 2)
        weight = (place - below).reshape([-1 if k == axis else 1 for k in range(3)])
        out = np.take(out, below, axis) * (1 - weight) + np.take(out, below + 1, axis) * weight
    return np.clip(out, 0.0, 1.0).astype(np.float32)


def _dct(small: NDArray[np.float32]) -> NDArray[np.float64]:
    from scipy.fft import dctn

    found: NDArray[np.float64] = dctn(small.astype(np.float64), axes=(1, 2), norm="ortho").reshape(-1)
    return found


def _idct(reals: NDArray[np.float64]) -> NDArray[np.float32]:
    from scipy.fft import idctn

    found: NDArray[np.float32] = idctn(reals.reshape(3, SIDE, SIDE), axes=(1, 2), norm="ortho").astype(np.float32)
    return found
