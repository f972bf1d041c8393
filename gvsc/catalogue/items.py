"""What stands in the catalogue: items, and the things they run on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

Kind = Literal["generator", "describer", "sketcher", "codec", "metric", "judge", "loss"]

HEADINGS: Final[dict[Kind, str]] = {
    "generator": "generators",
    "describer": "describers",
    "sketcher": "sketchers",
    "codec": "codecs",
    "metric": "metrics",
    "judge": "judges",
    "loss": "perceptual losses",
}
"""The kinds, in the order in which they are listed."""


@dataclass(frozen=True)
class Weights:
    """Weights of ``common.weights`` by their name there: committed, or fetched from a package. Size, licence and
    SHA-256 are in its manifest."""

    name: str


@dataclass(frozen=True)
class Hub:
    """A model on the Hugging Face hub.

    ``pipeline`` is the class of diffusers that loads it, of which the folders ``parts`` are used; both are empty for a
    single model. ``processor``: files beside the weights say how text and pictures go in. ``licence`` is None where its
    page states none. Both sizes are in 10⁹ bytes: ``about_gb`` of the safetensors files that are used, summed up from
    the listing of the repository, None where that is not known; ``memory_gb`` of the weights in half precision.
    ``gated``: the licence has to be accepted there. ``variable`` is the environment variable that can name another id,
    or a folder.
    """

    id: str
    licence: str | None
    memory_gb: float
    about_gb: float | None = None
    pipeline: str = ""
    parts: tuple[str, ...] = ()
    processor: bool = False
    gated: bool = False
    variable: str | None = None


@dataclass(frozen=True)
class Package:
    """A Python package that must be importable as ``module``. ``how`` says how to get it."""

    name: str
    module: str
    how: str = "reinstall gvsc"


@dataclass(frozen=True)
class UserFile:
    """A file that the user brings: no package holds it, and its licence does not let it be passed on, or its makers
    serve it alone. ``how`` says where to name it, ``variable`` the environment variable that does so, if there is one.
    """

    what: str
    licence: str | None
    how: str
    variable: str | None = None


Need = Weights | Hub | Package | UserFile


@dataclass(frozen=True)
class Item:
    """One entry.

    ``memory_gb`` is about what it takes of main memory while it runs, in 10⁹ bytes; None where that is little, not
    known, or what its hub models take, which pass through main memory on any way. ``larger`` are hub models that can be
    chosen instead of the first. A codec says which sections of a burst it ``carries``.
    """

    kind: Kind
    name: str
    summary: str
    needs: tuple[Need, ...] = ()
    memory_gb: float | None = None
    larger: tuple[Hub, ...] = ()
    carries: tuple[str, ...] = ()
