"""A trained pipeline to go on from: the tensors of its parts, and the axes of its latents."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
from torch import Tensor

from common import weights
from common.errors import WeightsError
from common.weights.tensors import read as read_tensors
from gvsc.training.generator.axes import Axes
from gvsc.training.generator.pool import Pool

_FOLDERS: Final = {"painter": "painter", "mover": "mover", "decoder": "vae", "layout": "layout"}
"""Of the parts, in a pipeline's folder."""


def tensors(pipeline: str, part: str) -> dict[str, Tensor]:
    """Of a part of the pipeline: a name in ``common/weights``, or a folder; none where it has no such part, or no name.

    Raises WeightsError.
    """
    if not pipeline:
        return {}
    folder = Path(pipeline) if "/" in pipeline else weights.path(pipeline)
    if not folder.is_dir():
        raise WeightsError(f"there is no pipeline {folder} to start from")
    files = sorted((folder / _FOLDERS[part]).glob("*.safetensors"))
    found: dict[str, Tensor] = {}
    for file in files:
        found |= read_tensors(file)
    return {name: tensor.float() for name, tensor in found.items()}


def axes(pipeline: str) -> Axes:
    """Of the latents of a pipeline. Raises WeightsError."""
    decoder = tensors(pipeline, "decoder")
    try:
        found = Axes(*(decoder[name].numpy() for name in Axes._fields))
        found.check()
    except (KeyError, ValueError) as error:
        raise WeightsError(f"{pipeline} has no axes of latents to go on with ({error})") from error
    return found


def check(pipeline: str, pool: Pool) -> None:
    """Raises WeightsError where a pipeline's latents are not those of a pool."""
    if not pipeline:
        return
    for name, value in axes(pipeline)._asdict().items():
        if not np.array_equal(value, pool[f"latent.{name}"]):
            raise WeightsError(
                f"the prepared file has other latents than {pipeline}; make it with "
                f"gvsc train prepare-mini --like {pipeline}"
            )
