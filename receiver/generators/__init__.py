"""Generators by name. A generator is imported when it is asked for, not before."""

from __future__ import annotations

from receiver.generators.base import Conditions, Generator
from receiver.generators.options import GeneratorOptions
from receiver.generators.registry import GENERATORS

__all__ = ["GENERATORS", "Conditions", "Generator", "GeneratorOptions", "load"]


def load(name: str, options: GeneratorOptions | None = None) -> Generator:
    """The generator of that name, with its weights. Raises SettingError (no such name, or options that it cannot
    follow), WeightsError or DeviceError."""
    return GENERATORS[name](options or GeneratorOptions())
