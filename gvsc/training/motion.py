"""Learns the prior of motion (:mod:`common.codecs.motion.prior`) from real clips.

    python -m gvsc.training.motion CLIPS --to common/weights/motion.safetensors

The transform in time is that of optical flow, each clip scaled to the same energy. Variances are counted twice: of the
flow's coefficients, and then, for each design, of those that the transmitter's own search makes of them with the first
count in place. Clips of one source are alike: a source counts by the square root of its number of clips. A tenth of the
sources is held out (:func:`is_held_out`), and nothing of the clips but these statistics is kept.
"""

from __future__ import annotations

import argparse
import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from safetensors.torch import save_file
from torch import Tensor

from common.clip import Clip
from common.codecs.motion import basis, side
from common.codecs.motion.codec import REACH
from common.codecs.motion.fit import Search, spectrum
from common.codecs.motion.powers import allocate
from common.codecs.motion.prior import Prior
from common.conventions import FRAMES
from common.errors import ClipError
from gvsc.bench.motion import source_of
from transmitter.clips import Wanted, read_clips
from transmitter.extract.motion.dis import DisFlow

DESIGNS_DB: Final = (0.0, 5.0, 10.0, 16.0)
"""What SNR each design is for."""

BUDGET: Final = 512

SEARCHED: Final = 8
"""Of this many clips of a source the transmitter's search is counted; of flow, all."""

_RISE: Final = 1.5
"""Variances are smoothed after multiplication by (1 + i² + j²) to this power, which makes them nearly flat."""

_LEAST: Final = 1e-9


def is_held_out(name: str) -> bool:
    """Whether clips of this name's source are kept for choosing: those whose source's SHA-256 begins with a byte below
    26, a tenth of all."""
    return hashlib.sha256(source_of(name).encode()).digest()[0] < 26


@dataclass(frozen=True)
class Example:
    """A clip's frames, uint8 (F, H, W, 3), the coefficients of its flow in each frame (STEPS, 2, ORDER, ORDER),
    what it counts, and its number among its source's."""

    video: NDArray[np.uint8]
    coefficients: Tensor
    weight: float
    number: int


def learn(clips: Sequence[Clip], tell: Callable[[str], None]) -> dict[str, Tensor]:
    """The tensors of a prior. Raises ClipError where no clip has 8 frames."""
    examples = _examples([clip for clip in clips if len(clip.video) == FRAMES])
    if not examples:
        raise ClipError(f"no clip of {FRAMES} frames to learn motion from")
    tell(f"{len(examples)} clips")
    time = _time(examples)
    counted = smoothed(_mean([(one.weight, _over_time(one.coefficients, time)) for one in examples]))
    tables = []
    for snr_db in DESIGNS_DB:
        found = [(one.weight, _searched(one, time, counted, snr_db)) for one in examples if one.number < SEARCHED]
        tables.append(_with_unsent(smoothed(_mean(found)), counted, snr_db).log())
        tell(f"design for {snr_db:g} dB")
    return {
        "time": time.contiguous(),
        "log_variances": torch.stack(tables).half().float(),
        "snrs_db": torch.tensor(DESIGNS_DB),
    }


def smoothed(variances: Tensor) -> Tensor:
    """Variances (STEPS, 2, ORDER, ORDER) of sum 1, smoothed over neighbouring frequencies."""
    index = torch.arange(basis.ORDER, dtype=torch.float32)
    rise = (1.0 + index[:, None].square() + index.square()) ** _RISE
    flat = F.pad((variances * rise).flatten(0, 1)[:, None], (1, 1, 1, 1), mode="replicate")
    window = torch.tensor([0.25, 0.5, 0.25])
    made = F.conv2d(flat, torch.outer(window, window)[None, None])[:, 0].view(variances.shape) / rise
    made = made.clamp_min(_LEAST)
    return made / made.sum()


def _examples(clips: Sequence[Clip]) -> list[Example]:
    numbers = Counter(source_of(clip.name) for clip in clips)
    estimator, found, seen = DisFlow(), [], Counter[str]()
    for clip in clips:
        source = source_of(clip.name)
        fields = basis.from_pixels(torch.from_numpy(estimator.extract(clip.video)))
        fields = fields.clamp(-REACH * basis.UNIT, REACH * basis.UNIT)
        coefficients = basis.analyse(fields, torch.eye(basis.STEPS))
        if coefficients.any():
            found.append(Example(clip.video, coefficients, numbers[source] ** -0.5, seen[source]))
            seen[source] += 1
    return found


def _time(examples: Sequence[Example]) -> Tensor:
    covariance = torch.zeros(basis.STEPS, basis.STEPS)
    for one in examples:
        covariance += one.weight * torch.einsum("tcij,scij->ts", one.coefficients, one.coefficients) / _energy(one)
    vectors = torch.linalg.eigh(covariance)[1].flip(1)
    return vectors * torch.where(vectors[-1] < 0.0, -1.0, 1.0)


def _energy(one: Example) -> Tensor:
    return one.coefficients.square().sum()


def _over_time(coefficients: Tensor, time: Tensor) -> Tensor:
    return torch.tensordot(time.T, coefficients, dims=1)


def _mean(weighted: Sequence[tuple[float, Tensor]]) -> Tensor:
    """The mean energy of each coefficient, each clip's scaled to the sum 1."""
    total = torch.zeros(weighted[0][1].shape)
    for weight, coefficients in weighted:
        energy = coefficients.square()
        total += weight * energy / energy.sum().clamp_min(_LEAST)
    return total / total.sum()


def _searched(one: Example, time: Tensor, variances: Tensor, snr_db: float) -> Tensor:
    """The coefficients that the transmitter's search ends with."""
    count = 2 * (BUDGET - side.symbol_count(BUDGET))
    allocation = allocate(variances, count, 0.5 * 10.0 ** (-0.1 * snr_db))
    pictures = torch.from_numpy(one.video.transpose(0, 3, 1, 2).astype(np.float32) / 255.0)
    sent = _over_time(one.coefficients, time).flatten()[allocation.indices]
    return spectrum(allocation, Search(pictures, time, allocation, snr_db).refine(sent))


def _with_unsent(variances: Tensor, counted: Tensor, snr_db: float) -> Tensor:
    """``variances`` of what was sent; those of the rest by the first count, on the level of the weakest quarter of
    what was sent."""
    count = 2 * (BUDGET - side.symbol_count(BUDGET))
    indices = allocate(counted, count, 0.5 * 10.0 ** (-0.1 * snr_db)).indices
    weakest = indices[-len(indices) // 4 :]
    level = variances.flatten()[weakest].mean() / counted.flatten()[weakest].mean()
    made = (counted * level).flatten().index_copy(0, indices, variances.flatten()[indices])
    return (made / made.sum()).view(variances.shape)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", type=Path, help="folder of clips of 8 frames")
    parser.add_argument("--to", type=Path, required=True, help="the file to write")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    clips = [clip for clip in read_clips(options.clips, Wanted(clip_at=0.0)) if not is_held_out(clip.name)]
    tensors = learn(clips, lambda line: print(line, flush=True))  # noqa: T201
    Prior.from_tensors(tensors)
    save_file(tensors, options.to)


if __name__ == "__main__":
    main()
