"""Channel models by name, one to a file. Adding one is adding its file and a line here."""

from __future__ import annotations

from channel.models.awgn import Awgn
from channel.models.base import Model
from channel.models.erasure import Erasure
from channel.models.rayleigh import Rayleigh
from channel.models.rician import Rician
from channel.models.trace import Trace, Traced

MODELS: dict[str, type[Model]] = {model.name: model for model in (Awgn, Rayleigh, Rician, Erasure, Traced)}
"""All there are."""


def build(seed: int, trace: Trace | None) -> dict[str, Model]:
    """One of each model for one link, ``trace`` only where there is one to follow."""
    built = {name: model(seed) for name, model in MODELS.items() if model is not Traced}
    return built | ({Traced.name: Traced(seed, trace)} if trace else {})
