"""Torch modules without initial values, for networks whose every tensor is then read from a file.

A network of ten million parameters takes 0.1 s or more to fill with random numbers that the file then overwrites.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import nn
from torch.overrides import TorchFunctionMode


class Uninitialised(TorchFunctionMode):
    """Within it the random functions of ``torch.nn.init`` leave tensors as they were allocated, in this thread alone.

    Whoever uses it must set every tensor afterwards, as ``load_state_dict`` with ``strict`` does. Making modules on
    torch's meta device instead costs more than it saves: that imports the compiler.
    """

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        given = kwargs or {}
        if getattr(func, "__module__", None) == nn.init.__name__:
            return given["tensor"] if "tensor" in given else args[0]
        return func(*args, **given)
