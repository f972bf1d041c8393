"""Reads the tensors of a weights file."""

from __future__ import annotations

from pathlib import Path

from safetensors.torch import load_file
from torch import Tensor

from common.errors import WeightsError


def read(file: Path) -> dict[str, Tensor]:
    """The tensors of a safetensors file by name, on the CPU. Raises WeightsError where it cannot be read."""
    try:
        return load_file(file)
    except Exception as error:
        raise WeightsError(f"cannot read weights {file}: {error}") from error
