"""The linear code that a trained one is held against: KLT of patches, power by water-filling, linear MMSE estimate.

Each patch is projected on its strongest principal components over training pictures; coefficient k of variance λ_k gets
the power p_k of `common.codecs.linear.power_allocation`, of Lee and Petersen (1976); the receiver shrinks and projects
back. Two things are given to it that a real link would have to send: the power of each picture, and the transmitter's
idea of the SNR.

    python -m gvsc.bench.codec.klt --data data

measures the components anew on the prepared training data and writes ``klt.safetensors`` beside this file.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

from common.codecs.linear import power_allocation
from common.conventions import DEFAULT_SEED, SIZE, noise_variance
from common.errors import WeightsError

FILE: Final = Path(__file__).with_name("klt.safetensors")
"""Means, components and variances in half precision: ``colour.*`` and ``sketch.*``."""

SIDES: Final = {"colour": 16, "sketch": 8}
"""Patches of so many pixels a side …"""
KEPT: Final = {"colour": 61, "sketch": 2}
"""… and how many components of each are kept."""

CROPS: Final = {"colour": 600, "sketch": 200}
"""Training crops of SIZE×SIZE that they are measured on."""

Reals = NDArray[np.float32]


@dataclass(frozen=True)
class Klt:
    """``mean`` (D,), ``components`` (K, D) orthonormal, ``variances`` (K,) descending; D = channels·side²."""

    side: int
    mean: Reals
    components: Reals
    variances: Reals

    def first(self, count: int) -> Klt:
        """With the ``count`` strongest components alone."""
        return Klt(self.side, self.mean, self.components[:count], self.variances[:count])

    def encode(self, picture: Reals, tx_snr_db: float) -> tuple[NDArray[np.complex64], float]:
        """A picture (C, H, W) to symbols of mean power 1, complex64 (n,), and what they were multiplied by for that."""
        coefficients = (_patches(picture, self.side) - self.mean) @ self.components.T
        reals = (coefficients * np.sqrt(self._powers(tx_snr_db) / self.variances)).ravel()
        scale = float(np.sqrt(0.5 / max(float(np.mean(reals.astype(np.float64) ** 2)), 1e-12)))
        first, second = (scale * reals).reshape(2, -1)
        return (first + 1j * second).astype(np.complex64), scale

    def decode(
        self, symbols: NDArray[np.complex64], snr_db: float, scale: float, tx_snr_db: float, shape: tuple[int, int, int]
    ) -> Reals:
        """Received symbols to a picture of ``shape`` = (C, H, W), clipped to [0, 1]."""
        powers = self._powers(tx_snr_db)
        reals = np.concatenate([symbols.real, symbols.imag]).reshape(-1, powers.size)
        # a picture of more than mean power has all of its variances larger: the scale takes that out
        wiener = np.sqrt(powers * self.variances) / (powers + noise_variance(snr_db) / 2)
        patches = (reals * wiener / scale) @ self.components + self.mean
        return np.clip(_picture(patches, self.side, shape), 0.0, 1.0).astype(np.float32)

    def _powers(self, snr_db: float) -> Reals:
        noise = torch.tensor([noise_variance(snr_db) / 2])
        count = self.variances.size
        return power_allocation(torch.from_numpy(self.variances), noise, 0.5 * count)[0].numpy()


def load(kind: str, file: Path = FILE) -> Klt:
    """The components for ``kind`` = "colour" or "sketch". Raises WeightsError."""
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        stored = load_file(file)
        parts = [stored[f"{kind}.{part}"].astype(np.float32) for part in ("mean", "components", "variances")]
    except (OSError, KeyError, SafetensorError) as error:
        raise WeightsError(f"cannot read the linear code in {file}: {error}; reinstall gvsc") from None
    return Klt(SIDES[kind], *parts)


def fit(pictures: list[Reals], side: int, count: int) -> Klt:
    """Measured on pictures (C, H, W) in [0, 1]."""
    patches = np.concatenate([_patches(picture, side) for picture in pictures])
    mean = patches.mean(axis=0)
    patches -= mean
    variances, components = np.linalg.eigh(patches.T.astype(np.float64) @ patches / len(patches))
    order = np.argsort(variances)[::-1][:count]
    return Klt(side, mean, components[:, order].T.astype(np.float32), variances[order].astype(np.float32))


def _patches(picture: Reals, side: int) -> Reals:
    """(C, H, W) → (patches, C·side²), row by row."""
    channels, height, width = picture.shape
    blocks = picture.reshape(channels, height // side, side, width // side, side).transpose(1, 3, 0, 2, 4)
    return np.ascontiguousarray(blocks, np.float32).reshape(-1, channels * side * side)


def _picture(patches: Reals, side: int, shape: tuple[int, int, int]) -> Reals:
    channels, height, width = shape
    blocks = patches.reshape(height // side, width // side, channels, side, side).transpose(2, 0, 3, 1, 4)
    return blocks.reshape(shape)


def main() -> None:
    """The command."""
    from safetensors.numpy import save_file

    from gvsc.training.photos import load_crops
    from transmitter.extract import sketch

    parser = argparse.ArgumentParser(prog="python -m gvsc.bench.codec.klt", description="Fits the linear codes.")
    parser.add_argument("--data", type=Path, default=Path("data"))
    parser.add_argument("--to", type=Path, default=FILE)
    options = parser.parse_args()
    crops, rng = load_crops(options.data), np.random.default_rng(DEFAULT_SEED)
    frames = [crops.draw(SIZE, rng) for _ in range(CROPS["colour"])]
    sketches = sketch.load().extract(np.stack(frames[: CROPS["sketch"]]))
    colours: list[Reals] = [(frame.transpose(2, 0, 1) / 255).astype(np.float32) for frame in frames]
    made = {
        "colour": fit(colours, SIDES["colour"], KEPT["colour"]),
        "sketch": fit(list(sketches[:, None]), SIDES["sketch"], KEPT["sketch"]),
    }
    tensors = {
        f"{kind}.{part}": np.ascontiguousarray(getattr(code, part), np.float16)
        for kind, code in made.items()
        for part in ("mean", "components", "variances")
    }
    save_file(tensors, options.to, {"crops": str(CROPS), "seed": str(DEFAULT_SEED)})
    options.to.chmod(0o644)


if __name__ == "__main__":
    main()
