"""Pictures as bits and analogue symbols, shared out for each picture: both ends, differentiable, on batches.

A network changes the picture; a lapped transform (:mod:`common.codecs.lapped`) makes 32×32 blocks of coefficients.
Each block is given a class (:mod:`common.codecs.djscc.block_classes`), the side information; it says which coefficients
are strong. The strong ones are rounded, and the multiples go as bits (:mod:`common.codecs.djscc.allocation`); what is
left over, and the weaker coefficients, go as analogue values through the noise. The receiver adds both, and a second,
larger network corrects the sum. Both networks start from zero output, and see SNRs and how the symbols were shared out.

What a network is needed for is what a linear code of Gaussian coefficients leaves: edges that go through several
coefficients, texture under the noise, what was rounded to zero.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from common.codecs import lapped
from common.codecs.djscc import allocation, levels
from common.codecs.djscc.allocation import Powers, Rates, Search
from common.codecs.djscc.block_classes import GROUPS, BlockClasses
from common.codecs.djscc.blocks import Stage, zeroed
from common.codecs.djscc.colour import WIDTH_4, WIDTH_8, WIDTH_16, Patches
from common.codecs.djscc.limits import SNR_LIMITS_DB
from common.codecs.djscc.multiples import Multiples
from common.codecs.lapped import BLOCK
from common.codecs.linear import cosines

CONDITIONS: Final = 5
"""What the networks are told: both SNRs, symbols for a coefficient, Δ², and the least level that is sent."""

BANDS: Final = (1, 2, 4, 8, 16, 32)
"""Frequencies at which the bands of the error map end."""

_HEAD_SCALE: Final = 0.1
"""What the networks' last layers are multiplied by, so that early steps of training do not drown the rest."""


class EncoderNet(nn.Module):
    """What to change in a picture before it is transformed."""

    def __init__(self, colour: Tensor, deviations: Tensor) -> None:
        super().__init__()
        self.stem = Patches(8, WIDTH_8, colour, deviations)
        self.stage_8 = Stage(WIDTH_8, 2, CONDITIONS)
        self.down = nn.Conv2d(4 * WIDTH_8, WIDTH_16, 1)
        self.stage_16 = Stage(WIDTH_16, 1, CONDITIONS)
        self.up = nn.Conv2d(WIDTH_16, 4 * WIDTH_8, 1)
        self.head = zeroed(nn.Conv2d(WIDTH_8, 3 * 64, 1))

    def forward(self, pictures: Tensor, conditions: Tensor) -> Tensor:
        """Pictures less their mean (B, 3, H, W), conditions (B, CONDITIONS) → what to add to them, (B, 3, H, W)."""
        fine = self.stage_8(self.stem(pictures), conditions)
        coarse = self.stage_16(self.down(F.pixel_unshuffle(fine, 2)), conditions)
        fine = fine + F.pixel_shuffle(self.up(coarse), 2)
        return _HEAD_SCALE * F.pixel_shuffle(self.head(fine).float(), 8)


class DecoderNet(nn.Module):
    """What an estimate of a picture lacks: from coarse to fine, seeing the estimate anew at every scale."""

    def __init__(self, colour: Tensor, deviations: Tensor, classes: int) -> None:
        super().__init__()
        self.classes = nn.Embedding(classes, WIDTH_16)
        nn.init.zeros_(self.classes.weight)
        self.errors = zeroed(nn.Conv2d(3 * len(BANDS), WIDTH_16, 1))
        self.stem_16 = Patches(16, WIDTH_16, colour, deviations)
        self.stage_16 = Stage(WIDTH_16, 3, CONDITIONS)
        self.up_16 = nn.Conv2d(WIDTH_16, 4 * WIDTH_8, 1)
        self.stem_8 = Patches(8, WIDTH_8, colour, deviations)
        self.stage_8 = Stage(WIDTH_8, 4, CONDITIONS)
        self.up_8 = nn.Conv2d(WIDTH_8, 4 * WIDTH_4, 1)
        self.stem_4 = Patches(4, WIDTH_4, colour, deviations)
        self.stage_4 = Stage(WIDTH_4, 3, CONDITIONS)
        self.head = zeroed(nn.Conv2d(WIDTH_4, 3 * 16, 3, padding=1))

    def forward(self, estimates: Tensor, classes: Tensor, errors: Tensor, conditions: Tensor) -> Tensor:
        """Estimates less the mean (B, 3, H, W) → what to add to them, of the same shape.

        ``classes`` int64 (B, H/32, W/32), ``errors`` (B, 18, H/32, W/32): logarithms of the errors that are expected.
        """
        local = self.classes(classes).permute(0, 3, 1, 2) + self.errors(errors)
        x = self.stem_16(estimates) + local.repeat_interleave(2, 2).repeat_interleave(2, 3)
        x = self.stage_16(x, conditions)
        x = F.pixel_shuffle(self.up_16(x), 2) + self.stem_8(estimates)
        x = self.stage_8(x, conditions)
        x = F.pixel_shuffle(self.up_8(x), 2) + self.stem_4(estimates)
        x = self.stage_4(x, conditions)
        return _HEAD_SCALE * F.pixel_shuffle(self.head(x).float(), 4)


@dataclass(frozen=True)
class Layout:
    """What both ends know once the side information is there. B pictures of rows × columns blocks, K coefficients.

    ``classes`` int64 (B, rows, columns); ``step`` int64 (B,), the level Δ²; ``level`` int64 (B, K) of each
    coefficient and ``residual`` of what rounding leaves of it; ``quantised`` bool (B, K).
    """

    classes: Tensor
    step: Tensor
    level: Tensor
    residual: Tensor
    quantised: Tensor


@dataclass(frozen=True)
class Plan:
    """What the transmitter decided: the squares' ``group`` and ``squares`` of each picture, and the layout."""

    group: list[int]
    squares: list[Tensor]
    class_bits: Tensor
    layout: Layout


class AdaptiveModel(nn.Module):
    """Transform, classes, tables and networks. ``AdaptiveCodec`` is the way in for one picture with trained weights."""

    colour: Tensor
    mean: Tensor
    deviations: Tensor

    def __init__(
        self, colour: Tensor, mean: Tensor, deviations: Tensor, classes: BlockClasses, multiples: Multiples
    ) -> None:
        """``colour`` (3, 3), ``mean`` () as in ``LinearCode``; ``deviations`` (3, 16, 16) as in ``Patches``."""
        super().__init__()
        self.register_buffer("colour", colour.float())
        self.register_buffer("mean", mean.float())
        self.register_buffer("deviations", deviations.float())
        self.classes = classes
        self.multiples = multiples
        self.encoder = EncoderNet(colour, deviations)
        self.decoder = DecoderNet(colour, deviations, classes.count)
        self.search = Search(multiples.mean_bits, multiples.remainder.long())
        edges = torch.tensor((0, *BANDS))
        band = torch.bucketize(torch.arange(BLOCK), edges[1:], right=True)
        both = torch.maximum(band[:, None], band[None, :])
        masks = F.one_hot(both, len(BANDS)).float()
        self.register_buffer("bands", masks / masks.sum(dim=(0, 1)), persistent=False)

    bands: Tensor

    # transform

    def analyse(self, pictures: Tensor) -> Tensor:
        """(B, 3, H, W) in [0, 1] to coefficients (B, H/32, W/32, 3, 32, 32)."""
        height, width = pictures.shape[2:]
        with torch.autocast(pictures.device.type, enabled=False):
            rotated = torch.einsum("bchw,cd->bdhw", pictures.float() - self.mean, self.colour)
            spectrum = self._lapped(height) @ rotated @ self._lapped(width).T
            blocks = spectrum.unflatten(3, (-1, BLOCK)).unflatten(2, (-1, BLOCK)).permute(0, 2, 4, 1, 3, 5)
            plane = blocks[..., 0, 0].permute(0, 3, 1, 2)
            plane = self._cosines(plane.shape[2]) @ plane @ self._cosines(plane.shape[3]).T
            return self._with_plane(blocks, plane)

    def synthesise(self, coefficients: Tensor) -> Tensor:
        """Inverse of :meth:`analyse`: (B, 3, H, W)."""
        rows, columns = coefficients.shape[1:3]
        with torch.autocast(coefficients.device.type, enabled=False):
            plane = coefficients[..., 0, 0].permute(0, 3, 1, 2)
            plane = self._cosines(rows).T @ plane @ self._cosines(columns)
            blocks = self._with_plane(coefficients, plane)
            spectrum = blocks.permute(0, 3, 1, 4, 2, 5).flatten(4, 5).flatten(2, 3)
            rotated = self._lapped(rows * BLOCK).T @ spectrum @ self._lapped(columns * BLOCK)
            return torch.einsum("bdhw,cd->bchw", rotated, self.colour) + self.mean

    def _with_plane(self, blocks: Tensor, plane: Tensor) -> Tensor:
        first = F.pad(plane.permute(0, 2, 3, 1)[..., None, None], (0, BLOCK - 1, 0, BLOCK - 1))
        inner = blocks.new_ones(BLOCK, BLOCK)
        inner[0, 0] = 0.0
        return blocks * inner + first

    def _lapped(self, length: int) -> Tensor:
        return lapped.matrix(length).to(self.mean.device)

    def _cosines(self, length: int) -> Tensor:
        return cosines(length).to(self.mean.device)

    # allocation

    def layout(self, classes: Tensor, group: int, step: Tensor, rows: int, columns: int) -> Layout:
        """The layout of B pictures whose squares of ``group`` blocks have ``classes`` (B, h, w); ``step`` (B,)."""
        level = self.classes.levels(classes, group, rows, columns).flatten(1)
        ratio = level - step[:, None]
        quantised = ratio >= allocation.LEAST_RATIO
        left = (self.multiples.residual(ratio.clamp_min(allocation.LEAST_RATIO)) + step[:, None]).clamp(
            levels.LEAST, levels.MOST
        )
        spread = classes.repeat_interleave(min(group, rows), 1).repeat_interleave(min(group, columns), 2)
        return Layout(spread[:, :rows, :columns], step, level, torch.where(quantised, left, level), quantised)

    def plan(self, coefficients: Tensor, symbols: Tensor, noise: Tensor, rates: Rates, other_bits: float) -> Plan:
        """What the transmitter does with coefficients (B, rows, columns, 3, 32, 32): the least predicted error.

        ``symbols`` int64 (B,) are there for bits and analogue values, ``noise`` (B,) is the variance per real that the
        transmitter reckons with, ``other_bits`` go with the classes.
        """
        with torch.no_grad():
            coefficients = coefficients.detach()
            rows, columns = coefficients.shape[1:3]
            costs = self.classes.costs(coefficients)
            flat = coefficients.flatten(1)
            tried = []
            groups = [group for group in GROUPS if group == 1 or group // 2 < max(rows, columns)]
            for group in groups:
                squares = self.classes.classify(costs, group)
                bits = self.classes.bits(squares)
                level = self.classes.levels(squares, group, rows, columns)
                level = level.flatten(1)
                places = coarse_places(rows, columns)[0]
                coarse = allocation.spectrum(level[:, places], flat[:, places])
                whole = allocation.spectrum(level, flat)
                rest = allocation.Spectrum(whole.counts - coarse.counts, whole.energies - coarse.energies)
                step, error = self.search.best(coarse, rest, bits + other_bits, rates, symbols, noise)
                tried.append((squares, bits, step, error))
            best = torch.stack([error for *_, error in tried]).argmin(dim=0)
            steps = torch.stack([step for _, _, step, _ in tried]).gather(0, best[None])[0]
            bits = torch.stack([bits for _, bits, _, _ in tried]).gather(0, best[None])[0]
            parts = []
            for index, choice in enumerate(best.tolist()):
                squares = tried[choice][0][index : index + 1]
                parts.append(self.layout(squares, groups[choice], steps[index : index + 1], rows, columns))
            joined = Layout(
                *(torch.cat([getattr(part, name) for part in parts]) for name in Layout.__dataclass_fields__)
            )
            return Plan(
                [groups[choice] for choice in best.tolist()],
                [tried[choice][0][index] for index, choice in enumerate(best.tolist())],
                bits,
                joined,
            )

    def rounded(self, coefficients: Tensor, layout: Layout) -> Tensor:
        """Multiples of the step, (B, K) floats of whole numbers, 0 where nothing is quantised."""
        step = levels.variance(layout.step).sqrt().float()[:, None]
        return torch.where(layout.quantised, allocation.quantised(coefficients.detach().flatten(1), step), 0.0)

    def multiple_bits(self, multiples: Tensor, layout: Layout) -> tuple[Tensor, Tensor]:
        """Bits of the coarse multiples and of all others, coded ideally: (B,) each, float64."""
        picture, place = layout.quantised.nonzero(as_tuple=True)
        ratio = layout.level[picture, place] - layout.step[picture]
        bits = self.multiples.bits(ratio, multiples[picture, place]).double()
        coarse = coarse_places(*layout.classes.shape[1:])[0, place]
        none = torch.zeros(len(multiples), dtype=torch.float64)
        return none.index_add(0, picture[coarse], bits[coarse]), none.index_add(0, picture[~coarse], bits[~coarse])

    # networks

    def conditions(
        self, rx_snr_db: Tensor, tx_snr_db: Tensor, density: Tensor, step: Tensor | None, boundary: Tensor | None
    ) -> Tensor:
        """What the networks are told, (B, CONDITIONS). ``density``: symbols for a coefficient, (B,)."""
        zero = torch.zeros_like(rx_snr_db)
        return torch.stack(
            [
                0.1 * rx_snr_db.clamp(*SNR_LIMITS_DB),
                0.1 * tx_snr_db.clamp(*SNR_LIMITS_DB),
                torch.log(density / 0.04),
                zero if step is None else 0.1 * step.clamp_max(30).float(),
                zero if boundary is None else 0.1 * (boundary.float() + 15.0),
            ],
            dim=1,
        )

    def changed(self, pictures: Tensor, tx_snr_db: Tensor, density: Tensor) -> Tensor:
        """Pictures (B, 3, H, W) as the transmitter's network would rather send them."""
        conditions = self.conditions(tx_snr_db, tx_snr_db, density, None, None)
        return pictures + self.encoder(pictures - self.mean, conditions)

    def corrected(
        self,
        estimates: Tensor,
        errors: Tensor,
        layout: Layout,
        found: Powers,
        snrs: tuple[Tensor, Tensor],
        density: Tensor,
    ) -> Tensor:
        """Estimates (B, 3, H, W), corrected. ``errors`` (B, K): the variance of each coefficient's error."""
        rows, columns = layout.classes.shape[1:]
        conditions = self.conditions(*snrs, density, layout.step, found.boundary)
        shaped = errors.float().unflatten(1, (rows, columns, 3, BLOCK, BLOCK))
        maps = torch.einsum("bhwcuv,uvn->bcnhw", shaped, self.bands).flatten(1, 2)
        maps = 0.25 * ((maps + 1e-6).log() + 7.0)
        return estimates + self.decoder(estimates - self.mean, layout.classes, maps, conditions)


def gains(layout: Layout, found: Powers) -> Tensor:
    """The factor of each coefficient that is sent, float32 (B, K), 0 of others; before the picture's common scale."""
    gain = (found.power / levels.variances(found.power.device)).sqrt().float()
    return torch.where(allocation.sent(layout.residual, found), gain.gather(1, layout.residual - levels.LEAST), 0.0)


def estimated(layout: Layout, found: Powers, gain: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
    """What received values (B, K), the common scale taken off, are to be multiplied by, and the errors that stay.

    ``gain`` as of ``gains``; ``noise`` (B,) is the variance per real on the values.
    """
    variances = levels.variances(found.power.device)
    wiener = (found.power * variances).sqrt() / (found.power + noise.double()[:, None])
    left = variances * noise.double()[:, None] / (found.power + noise.double()[:, None])
    index, used = layout.residual - levels.LEAST, gain > 0.0
    unsent = variances.float()[index]
    factor = torch.where(used, wiener.float().gather(1, index), 0.0)
    return factor, torch.where(used, left.float().gather(1, index), unsent)


@cache
def coarse_places(rows: int, columns: int) -> Tensor:
    """Which coefficients of a picture of rows × columns blocks are coarse, bool (1, K): those of the plane. Their
    multiples are protected best: something can be seen by them alone."""
    with torch.inference_mode(False):
        chosen = torch.zeros(1, rows, columns, 3, BLOCK, BLOCK, dtype=torch.bool)
        chosen[..., 0, 0] = True
        return chosen.flatten(1)


def model_like(tensors: Mapping[str, Tensor]) -> AdaptiveModel:
    """The model with a state dict of any precision as weights. Raises KeyError or RuntimeError if they do not fit."""
    classes = BlockClasses(
        *(tensors[f"classes.{name}"] for name in ("level", "plane_level", "activity", "frequencies"))
    )
    multiples = Multiples(*(tensors[f"multiples.{name}"] for name in ("frequencies", "remainder", "mean_bits")))
    model = AdaptiveModel(tensors["colour"], tensors["mean"], tensors["deviations"], classes, multiples)
    model.load_state_dict(
        {name: tensor.float() if tensor.is_floating_point() else tensor for name, tensor in tensors.items()}
    )
    return model
