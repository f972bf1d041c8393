"""PiDiNet from the tensors of a file: a checkpoint of its authors, or weights that were trained here.

Any of their three sizes will do (``table5_pidinet.pth``, ``…-small.pth``, ``…-tiny.pth``); the file says which it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from common.errors import WeightsError
from transmitter.extract.sketch.pidinet_network import WIDTHS, PiDiNet


def read_checkpoint(path: Path) -> dict[str, Tensor]:
    """The tensors of an authors' checkpoint by the names of `PiDiNet`. Nothing in the file is run. Raises WeightsError.

    The file is ``{"state_dict": {"module.NAME": tensor, …}, …}`` or the inner map alone, with or without ``module.``.
    """
    try:
        held = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise WeightsError(f"cannot read {path}: {error.strerror or error}") from None
    except Exception as error:  # noqa: BLE001  a file that is no checkpoint makes torch raise anything
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise WeightsError(f"{path} is not a checkpoint that can be read safely: {reason}") from None
    state = held.get("state_dict", held) if isinstance(held, Mapping) else None
    if not isinstance(state, Mapping) or not state or not all(
        isinstance(name, str) and isinstance(tensor, Tensor) for name, tensor in state.items()
    ):  # fmt: skip
        raise WeightsError(f"{path} is not a checkpoint of PiDiNet: it holds no map of names to tensors")
    return {name.removeprefix("module."): tensor for name, tensor in state.items()}


def network_of(state: Mapping[str, Tensor], source: str) -> PiDiNet:
    """The network, of the size of its tensors. Raises WeightsError, naming ``source``, unless they fit exactly."""
    first = state.get("init_block.weight")
    width = 0 if first is None or first.ndim == 0 else first.shape[0]
    size = next((name for name, (channels, _) in WIDTHS.items() if channels == width), None)
    if size is None:
        raise WeightsError(f"{source} is not a checkpoint of PiDiNet full, small or tiny: its first layer is another")
    network = PiDiNet(size)
    try:
        network.load_state_dict({name: tensor.float() for name, tensor in state.items()})
    except RuntimeError as error:
        reason = " ".join(str(error).split("\n", 1)[-1].split())
        raise WeightsError(f"{source} does not fit PiDiNet {size}: {reason[:200]}") from None
    if not all(bool(tensor.isfinite().all()) for tensor in network.state_dict().values()):
        raise WeightsError(f"{source} holds numbers that are not finite")
    return network
