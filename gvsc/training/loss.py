"""The loss of eq. (1), k·fidelity + (1 − k)·perceptual distance. Distances by name, each loaded when asked for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from torch import Tensor, nn

from gvsc.training.recipe import Loss, RecipeError


def _efficientnet_lite0(trunk: str) -> nn.Module:
    from gvsc.training.perceptual import EfficientNetDistance

    return EfficientNetDistance(Path(trunk) if trunk else None)


def _lpips(trunk: str) -> nn.Module:
    from gvsc.training import lpips

    return lpips.load(trunk)


_LOADERS: Final[dict[str, Callable[[str], nn.Module]]] = {
    "efficientnet-lite0-features": _efficientnet_lite0,
    "lpips": _lpips,
}

NAMES: Final = tuple(_LOADERS)
"""Every perceptual distance: a module of two batches (B, 3 or 1, H, W) in [0, 1] that gives (B,), each ≥ 0."""

_LEAST_SQUARE: Final = 1e-6  # a root has no slope at zero


def distance(loss: Loss) -> nn.Module | None:
    """The perceptual distance that a loss needs. Raises RecipeError (no such name), WeightsError, PackageError."""
    if loss.k == 1.0:
        return None
    if loss.perceptual not in _LOADERS:
        raise RecipeError(f"no perceptual distance is called {loss.perceptual!r}; there are {', '.join(NAMES)}")
    return _LOADERS[loss.perceptual](loss.trunk)


def fidelity(loss: Loss, decoded: Tensor, truths: Tensor) -> Tensor:
    """How far decoded pictures (B, C, H, W) are from the true ones, (B,)."""
    squares = (decoded - truths).square().mean(dim=(1, 2, 3))
    return squares if loss.fidelity == "mse" else (squares + _LEAST_SQUARE).sqrt()


def perceptual_part(loss: Loss, true_db: Tensor) -> Tensor:
    """How much of the distance counts at these true SNRs, (B,): 1 to 0, see ``Loss.perceptual_db``."""
    full, none = loss.perceptual_db
    return ((none - true_db) / max(none - full, 1e-6)).clamp(0.0, 1.0)
