"""What the networks of `mini` are: models of a diffusers pipeline.

A machine that only trains them may do without diffusers. There they are plain modules, with the same weights by the
same names, that cannot be saved as a pipeline.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from diffusers import ConfigMixin, ModelMixin
    from diffusers.configuration_utils import register_to_config
else:
    try:
        from diffusers import ConfigMixin, ModelMixin
        from diffusers.configuration_utils import register_to_config
    except ImportError:
        from torch import nn

        class ModelMixin(nn.Module):
            """See the top."""

        class ConfigMixin:
            """See the top."""

        def register_to_config(init: Callable[..., None]) -> Callable[..., None]:
            """``init`` itself."""
            return init


__all__ = ["ConfigMixin", "ModelMixin", "register_to_config"]
