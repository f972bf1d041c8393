"""Generators by name. A generator is imported when it is asked for, not before."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from common.errors import SettingError
from common.registry import Entry, Registry
from receiver.generators import sources
from receiver.generators.base import Conditions, Generator
from receiver.generators.options import GeneratorOptions

__all__ = ["NAMES", "Conditions", "Generator", "GeneratorOptions", "load"]


def _mini(options: GeneratorOptions) -> Generator:
    from receiver.generators.mini.generator import Mini

    return Mini.from_weights(options.guidance_form)


def _wan_vace(options: GeneratorOptions) -> Generator:
    from receiver.generators.wan_vace import WanVace

    return WanVace.load(options)


def _sd35_sketch(options: GeneratorOptions) -> Generator:
    if options.chain == "sd35-sketch":
        raise SettingError("sd35-sketch cannot be chained to itself: name another generator with --chain")
    # First: a wrong name for the second stage is told before 35 GB are loaded for the first.
    chain = load(options.chain, replace(options, model=sources.for_chained(options.model)))
    from receiver.generators.sd35_sketch import Sd35Sketch

    return Sd35Sketch.load(options, chain)


def _animatediff_sparsectrl(options: GeneratorOptions) -> Generator:
    from receiver.generators.animatediff import AnimateDiffSparseCtrl

    return AnimateDiffSparseCtrl.load(options)


_LOADERS: dict[str, Callable[[GeneratorOptions], Generator]] = {
    "mini": _mini,
    "wan-vace": _wan_vace,
    "sd35-sketch": _sd35_sketch,
    "animatediff-sparsectrl": _animatediff_sparsectrl,
}

GENERATORS: Registry[Callable[[GeneratorOptions], Generator]] = Registry(
    "generator", "receiver.generators.options", "gvsc.generators"
)
for _name, _loader in _LOADERS.items():
    GENERATORS.add(
        Entry(
            _name,
            "",
            _loader,
            default=_name == "mini",
            traits={
                "tasks": ("text", "frame-text", "sketch-text", "sketches-text")
                + (("frame-motion-text",) if _name == "mini" else ())
            },
        )
    )

NAMES = tuple(_LOADERS)
"""Every generator that can be loaded."""


def load(name: str, options: GeneratorOptions | None = None) -> Generator:
    """The generator of that name, with its weights. Raises SettingError (no such name, or options that it cannot
    follow), WeightsError or DeviceError."""
    if name not in _LOADERS:
        raise SettingError(f"no generator is called {name!r}; there are: {', '.join(NAMES)}")
    return _LOADERS[name](options or GeneratorOptions())
