"""Gray-labelled square QAM: mapper and soft demapper for 4, 16 and 64 points, that is 2, 4 and 6 bits a symbol.

The labelling is that of 3GPP TS 38.211, 5.1.3 to 5.1.5 (the same as TS 36.211, 7.1.2 to 7.1.4). The bits of a symbol
take turns, even ones for the real and odd ones for the imaginary part; on each axis bits (c0, c1, c2) give the level

    4-QAM: (1 − 2·c0)              16-QAM: (1 − 2·c0)·(2 − (1 − 2·c1))
    64-QAM: (1 − 2·c0)·(4 − (1 − 2·c1)·(2 − (1 − 2·c2)))

over √2, √10 and √42. Over all points the mean power is 1; that of a section of n symbols of random bits is 1 within
0.57 / √n (16-QAM) or 0.62 / √n (64-QAM), one standard deviation, and exactly 1 for 4-QAM.
"""

from __future__ import annotations

import math
from functools import cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from common.coding import bits as bit_vectors

BITS_PER_SYMBOL = 2
"""Of 4-QAM, the default everywhere."""

LEAST_NOISE_VARIANCE = 1.0e-6
"""Floor that decoders put under a noise estimate (60 dB), which on a link without noise may be zero."""

NAMES = {2: "4-QAM", 4: "16-QAM", 6: "64-QAM"}
"""The constellations by bits per symbol."""


@cache
def _axis(bits_per_axis: int) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Levels (2^b,) of one axis, entry i that of the bits of i, first bit highest; and those bits (2^b, b)."""
    count = 1 << bits_per_axis
    labels = (np.arange(count)[:, None] >> np.arange(bits_per_axis - 1, -1, -1) & 1).astype(bool)
    signs = 1.0 - 2.0 * labels
    levels = signs[:, -1]
    for bit in range(bits_per_axis - 2, -1, -1):
        levels = signs[:, bit] * (2.0 ** (bits_per_axis - 1 - bit) - levels)
    return (levels / math.sqrt(2.0 * np.mean(levels**2))).astype(np.float32), labels


def _checked(bits_per_symbol: int) -> int:
    """Bits per axis. Raises ValueError for a constellation that is not here."""
    if bits_per_symbol not in NAMES:
        raise ValueError(f"a QAM symbol carries {', '.join(map(str, NAMES))} bits here, not {bits_per_symbol}")
    return bits_per_symbol // 2


def points(bits_per_symbol: int = BITS_PER_SYMBOL) -> NDArray[np.complex64]:
    """The constellation, complex64 (2^bits_per_symbol,): entry i carries the bits of i, first bit highest."""
    count = 1 << bits_per_symbol
    labels = np.arange(count)[:, None] >> np.arange(bits_per_symbol - 1, -1, -1) & 1
    return modulate(labels.reshape(-1), bits_per_symbol)


def modulate(bits: ArrayLike, bits_per_symbol: int = BITS_PER_SYMBOL) -> NDArray[np.complex64]:
    """Map n bits to complex64 (n / bits_per_symbol,).

    Raises ValueError where n is no multiple of ``bits_per_symbol``, where values are not 0 or 1, or for a constellation
    that is not in ``NAMES``.
    """
    bits_per_axis = _checked(bits_per_symbol)
    values = bit_vectors.checked(bits)
    if values.size % bits_per_symbol:
        wanted = "an even number of" if bits_per_symbol == 2 else f"a multiple of {bits_per_symbol}"
        raise ValueError(f"{NAMES[bits_per_symbol]} takes {wanted} bits, not {values.size}")
    levels, _ = _axis(bits_per_axis)
    index = np.zeros((values.size // bits_per_symbol, 2), dtype=np.uint8)
    grouped = values.reshape(-1, bits_per_axis, 2)
    for bit in range(bits_per_axis):
        index = 2 * index + grouped[:, bit]
    return levels[index].view(np.complex64)[:, 0]


def llr(symbols: ArrayLike, noise_variance: ArrayLike, bits_per_symbol: int = BITS_PER_SYMBOL) -> NDArray[np.float32]:
    """Exact log P(bit = 0 | symbol) / P(bit = 1 | symbol) of each bit, equal priors, noise CN(0, ``noise_variance``).

    ``symbols`` complex (…, m), finite; ``noise_variance`` > 0, a number or an array that broadcasts to the symbols, is
    that of the complex noise, half of it per real dimension. Returns float32 (…, m·bits_per_symbol) in bit order.

    Each bit rides on one real dimension y. For 4-QAM its LLR is linear there: 2·√2·y / noise_variance. Raises
    ValueError where a noise variance is not positive and finite, or for a constellation that is not in ``NAMES``.
    """
    bits_per_axis = _checked(bits_per_symbol)
    received = np.ascontiguousarray(symbols, dtype=np.complex128)
    variance = np.asarray(noise_variance, dtype=np.float64)
    if not bool(np.all(np.isfinite(variance) & (variance > 0.0))):
        raise ValueError(f"the noise variance must be positive and finite, not {noise_variance!r}")
    spacing = math.sqrt(1.5 / (4.0**bits_per_axis - 1.0))  # levels ±1, ±3, … times this have power 1/2
    reals = received.view(np.float64).reshape(*received.shape, 2)
    inverse = np.broadcast_to(1.0 / variance, received.shape)[..., None] if variance.ndim else 1.0 / variance
    with np.errstate(over="ignore"):  # beyond single precision: as certain as infinity
        linear = (reals * (2.0 * spacing * inverse)).astype(np.float32)
        if bits_per_axis == 1:
            linear *= 2.0
            return linear.reshape(*received.shape[:-1], -1)
    found = _axis_llr(linear, (spacing**2 * inverse).astype(np.float32), bits_per_axis)
    return found.reshape(*received.shape[:-1], -1)


def _axis_llr(u: NDArray[np.float32], e: NDArray[np.float32], bits_per_axis: int) -> NDArray[np.float32]:
    """LLRs (…, bits_per_axis, 2) of axes with levels a = ±1, ±3, … whose log likelihoods are a·u − a²·e.

    The axis is folded: with v = |u| and t = exp(−2v), levels a and −a have together the log likelihood
    q_a = a·v − a²·e + log(1 + t^a), which is all that the later bits ask for. The first bit is the sign: what is
    on the unlikely side adds up to exp(−v − e)·(1 + t·g + t²·g³ + t³·g⁶ …), g = exp(−8e), and nothing underflows.
    """
    v = np.abs(u)
    t = np.exp(np.float32(-2.0) * v)
    g = np.exp(np.float32(-8.0) * e)
    square, power = t * t, t.copy()
    magnitudes = [float(a) for a in range(1, 1 << bits_per_axis, 2)]
    folded = []
    unlikely = np.ones_like(t)
    for k, a in enumerate(magnitudes):
        if k:
            power *= square
            unlikely += t**k * g ** (k * (k + 1) // 2)
        folded.append(np.float32(a) * v - np.float32(a * a) * e + np.log(np.float32(1.0) + power))
    found = np.empty((*u.shape[:-1], bits_per_axis), dtype=np.complex64)  # real and imaginary axis: one copy for both
    if bits_per_axis == 2:
        inner, outer = folded
        found[..., 1] = (inner - outer).view(np.complex64)[..., 0]
    else:
        inner, outer = _log_add(folded[0], folded[1]), _log_add(folded[2], folded[3])
        found[..., 1] = (inner - outer).view(np.complex64)[..., 0]
        last = _log_add(folded[1], folded[2]) - _log_add(folded[0], folded[3])
        found[..., 2] = last.view(np.complex64)[..., 0]
    certainty = _log_add(inner, outer) + v + e - np.log(unlikely)  # log of (both sides / the unlikely one), >= log 2
    certainty += np.log(np.float32(1.0) - np.exp(-certainty))
    found[..., 0] = np.copysign(certainty, u).view(np.complex64)[..., 0]
    return found.view(np.float32)


def _log_add(a: NDArray[np.float32], b: NDArray[np.float32]) -> NDArray[np.float32]:
    """log(e^a + e^b). What numpy's logaddexp does, a few times faster in single precision."""
    far = np.abs(a - b)
    np.exp(-far, out=far)
    far += np.float32(1.0)
    np.log(far, out=far)
    far += np.maximum(a, b)
    return far
