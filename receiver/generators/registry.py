"""The registry of generators: each is a loader, ``GeneratorOptions`` to a ``Generator`` with its weights.

A module of this package registers one; it imports nothing heavy itself. Traits of an entry:

- ``tasks``: names of the tasks (`receiver.generators.base.Conditions.task`) that it serves.
- ``chains``: True where it leaves the rest to the generator that ``GeneratorOptions.chain`` names.
- ``parts``: the hub models (`common.needs.Hub`) that it is made of, by their name in ``--generator-model PART=PLACE``;
  the first is the one that a place without a name stands for.
- ``backbones``: its name in figures by the hub id of its first part.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from common.registry import Registry
from receiver.generators.base import Generator
from receiver.generators.options import GeneratorOptions

Loader = Callable[[GeneratorOptions], Generator]
"""Raises SettingError (options that it cannot follow), WeightsError or DeviceError."""

GENERATORS: Final[Registry[Loader]] = Registry("generator", "receiver.generators", "gvsc.generators")
