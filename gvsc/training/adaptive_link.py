"""The adaptive codec in training: both ends and the channel between, differentiable, bits reckoned but not sent.

As in use, but for two things: bits arrive, and how many there are is their ideal code length and a little more.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from common.codecs.djscc import allocation, levels, side_code
from common.codecs.djscc.adaptive import AdaptiveModel, estimated, gains
from common.codecs.djscc.allocation import Rates
from common.codecs.lapped import BLOCK

FIRST_BITS, SECOND_BITS = 74, 30
"""Bits of each part that are there whatever the picture: fixed fields, CRC, the code's tail, filling."""

SNR_RANGE_DB, SNR_STEP_DB = (-10.0, 25.0), 0.5

CODER_OVERHEAD = 1.01
"""Bits that the range coder needs, for a bit of ideal length."""


@dataclass(frozen=True)
class Sent:
    """What went through, for figures: symbols of header and bits, and of all, (B,) each."""

    pictures: Tensor
    coded: Tensor
    symbols: Tensor


def through(
    model: AdaptiveModel,
    pictures: Tensor,
    symbols: Tensor,
    true_db: Tensor,
    tx_db: Tensor,
    rx_db: Tensor,
    noise: torch.Generator,
    *,
    linear: bool = False,
) -> Sent:
    """Pictures (B, 3, H, W) through AWGN, not clipped. ``symbols`` int64 (B,), SNRs in dB (B,)."""
    height, width = pictures.shape[2:]
    density = symbols.float() / (3 * height * width)
    tx_db = tx_db.clamp(*SNR_RANGE_DB)
    tx_db = SNR_STEP_DB * torch.round(tx_db / SNR_STEP_DB)
    changed = pictures if linear else model.changed(pictures, tx_db, density)
    coefficients = model.analyse(changed)
    with torch.no_grad():
        payload = symbols - side_code.HEADER_SYMBOLS
        blocks = height * width // BLOCK**2
        modes = [
            side_code.choose_both(snr, side_code.MARGINS_DB, blocks, count)
            for snr, count in zip(tx_db.tolist(), symbols.tolist(), strict=True)
        ]
        costs = torch.tensor([[side_code.MODES[mode].symbols_per_bit for mode in both] for both in modes])
        first, second = costs.double().unbind(dim=1)
        tx_noise = 0.5 * 10.0 ** (-0.1 * tx_db)
        rx_noise = 0.5 * 10.0 ** (-0.1 * rx_db)
        plan = model.plan(coefficients, payload, tx_noise, Rates(first, second), FIRST_BITS)
        layout = plan.layout
        multiples = model.rounded(coefficients, layout)
        coarse, rest = model.multiple_bits(multiples, layout)
        coded = torch.ceil((coarse + plan.class_bits + FIRST_BITS) * CODER_OVERHEAD * first)
        coded = coded + torch.ceil((rest * CODER_OVERHEAD + SECOND_BITS) * second)
        reals = (2 * (payload - coded.long())).clamp_min(2)
        found = allocation.powers(allocation.counted(layout.residual), reals, tx_noise)
        gain = gains(layout, found)
        step = levels.variance(layout.step).sqrt().float()[:, None]
        known = multiples * torch.where(layout.quantised, step, 0.0)
    left = coefficients.flatten(1) - known
    values = gain * left
    scale = (0.5 * reals / values.square().sum(dim=1).clamp_min(1e-9)).sqrt()[:, None]
    deviation = (0.5 * 10.0 ** (-0.1 * true_db)).sqrt()[:, None]
    received = values + deviation / scale * torch.randn(values.shape, generator=noise)
    wiener, errors = estimated(layout, found, gain, rx_noise / scale.detach()[:, 0].square())
    estimate = model.synthesise((known + wiener * received).view_as(coefficients))
    if not linear:
        estimate = model.corrected(estimate, errors, layout, found, (rx_db, tx_db), density)
    return Sent(estimate, coded + side_code.HEADER_SYMBOLS, symbols)


def budgets(count: int, height: int, width: int, rng: np.random.Generator) -> Tensor:
    """Symbols of pictures, int64 (count,): CBR 0.012 … 0.065, half of them near 0.0397 (7 808 at 256×256)."""
    drawn = np.exp(rng.uniform(np.log(0.012), np.log(0.065), count))
    drawn = np.where(rng.random(count) < 0.5, 0.0397 * np.exp(rng.normal(0.0, 0.05, count)), drawn)
    return torch.from_numpy(np.round(3 * height * width * drawn).astype(np.int64))
