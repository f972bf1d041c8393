"""Sionna's physical layer, loaded when it is first needed: that takes seconds."""

from __future__ import annotations

from functools import cache
from typing import Any

from common.errors import PackageError


@cache
def load() -> Any:
    """The module ``sionna.phy``. Raises PackageError, with the line that installs it, where it is missing."""
    try:
        import torch

        # Importing Sionna seeds torch's generators at random: put them back, results must not hang on what is loaded.
        with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
            import sionna.phy
    except ImportError as error:
        raise PackageError(
            f"LDPC needs the package sionna-no-rt: pip install -c constraints.txt sionna-no-rt ({error})"
        ) from None
    return sionna.phy
