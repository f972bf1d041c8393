"""The recipe of `mini`: one TOML file for its parts, read as the codecs' are (``gvsc.training.recipe``)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Final, Self

from common.conventions import SIZE
from gvsc.training.recipe import Length, Optimiser, RecipeError, Stage, filled, toml_value

PARTS: Final = ("painter", "mover", "decoder", "layout")
"""In the order of their training. None of them needs another one."""


def _demand(holds: bool, what: str) -> None:
    if not holds:
        raise RecipeError(what)


@dataclass(frozen=True)
class PartOptimiser(Optimiser):
    """AdamW; after the warm-up the peak rate holds for a share of the length, and then falls in a straight line."""

    weight_decay: float = 0.0
    """Of weights with more than one axis."""
    hold: float = 0.0
    """Share of the length."""

    def __post_init__(self) -> None:
        super().__post_init__()
        _demand(0.0 <= self.hold < 1.0 and 0.0 <= self.weight_decay < 1.0, "optimiser: hold, weight_decay: 0 … 1")

    def rate(self, progress: float, step: int) -> float:
        """See ``Optimiser``. It reaches the last rate before it would cross nothing."""
        left = min(1.0, (1.0 - min(progress, 1.0)) / (1.0 - self.hold))
        return max(self.last_rate, self.peak_rate * left) * min(1.0, (step + 1) / max(1, self.warm_up_steps))


@dataclass(frozen=True)
class PainterNetwork:
    """Parameters of ``painter.Painter``."""

    widths: tuple[int, int, int]
    blocks: tuple[int, int, int]
    sketch_width: int
    heads: int
    topics: int


@dataclass(frozen=True)
class MoverNetwork:
    """Parameters of ``mover.Mover``."""

    widths: tuple[int, int, int]
    coarse_blocks: int
    heads: int
    topics: int


@dataclass(frozen=True)
class DecoderNetwork:
    """Parameters of ``latent.PatchLatent``."""

    widths: tuple[int, int, int]


@dataclass(frozen=True)
class LayoutNetwork:
    """Parameters of ``layout.Layout``."""

    width: int
    layers: int
    heads: int
    shape_width: int
    topics: int


@dataclass(frozen=True)
class _Part:
    """Shares are within 0 … 1, weights of a loss within 0 … 100."""

    share: float
    """Of the whole length."""
    batch: int
    optimiser: PartOptimiser

    def __post_init__(self) -> None:
        _demand(0.0 < self.share <= 1.0, "a part's share must be within 0 … 1")
        _demand(0 < self.batch <= 4096, "a part's batch must be within 1 … 4096")
        for name, value in asdict(self).items():
            most = 100 if name.endswith("_weight") else 1 if isinstance(value, float) else None
            _demand(most is None or 0 <= value <= most, f"a part's {name} must be within 0 … {most}")


@dataclass(frozen=True)
class PainterPlan(_Part):
    """How often a frame comes with what. All of them are shares."""

    network: PainterNetwork
    real: float
    """Frames of real clips and crops of photos, half and half."""
    no_text: float
    sketch: float
    """Frames with a sketch."""
    received_sketch: float
    """Of these, with the sketch as it was received."""
    received: float
    """Frames as they were received, with nothing else."""
    elsewhere: float
    """Frames with another frame of the clip, where they have no sketch."""
    elsewhere_sketched: float
    """And where they have one."""
    holes: float
    """Frames with holes."""
    told: float
    """Frames without a sketch whose outline is given."""
    deep: float
    """Noise levels from 0.85 on."""
    objects_weight: int
    """By so much more a place counts in the loss that an object covers."""


@dataclass(frozen=True)
class MoverPlan(_Part):
    """Shares and weights of the loss."""

    network: MoverNetwork
    real: int
    """Real clips in a batch; the others are rendered."""
    no_text: float
    exchanged: float
    """Rendered clips that are told with left and right exchanged."""
    moves_weight: float
    fill_weight: float
    clip_weight: float

    def __post_init__(self) -> None:
        super().__post_init__()
        _demand(0 <= self.real < self.batch, "mover.real must be less than its batch")


@dataclass(frozen=True)
class DecoderPlan(_Part):
    """Shares, and the size of what it sees."""

    network: DecoderNetwork
    real: float
    """Real frames and crops of photos."""
    crop: int
    """Side in pixels."""
    sketch: float
    """Pictures with their sketch."""
    received_sketch: float
    """Of these, with the sketch as it was received."""
    gradient_weight: float
    noise: float
    """Most noise of the latents, in square roots of their deviations."""

    def __post_init__(self) -> None:
        super().__post_init__()
        _demand(self.crop in range(32, 257, 32), "decoder.crop must be a multiple of 32 within 32 … 256")


@dataclass(frozen=True)
class LayoutPlan(_Part):
    """How much what is drawn and how it moves weigh beside the flow."""

    network: LayoutNetwork
    plain: float
    """Share of texts that name nothing of the rendered world."""
    patterned: float
    """Share of the others that tell of a regular pattern: of the world's clips one in eight."""
    noise: float
    """Largest deviation of the noise on word vectors, in deviations of each dimension: captions are few."""
    shape_weight: int
    colour_weight: int
    moves_weight: int


@dataclass(frozen=True)
class MiniRecipe:
    """All that a run needs to know. The parts' shares add up to 1."""

    about: str
    start: str
    """Name in ``common/weights`` or folder of a pipeline to go on from, as far as its tensors fit; empty: none."""
    length: Length
    painter: PainterPlan
    mover: MoverPlan
    decoder: DecoderPlan
    layout: LayoutPlan

    def __post_init__(self) -> None:
        share = sum(getattr(self, part).share for part in PARTS)
        _demand(abs(share - 1.0) < 1e-6, f"the shares of {', '.join(PARTS)} must add up to 1, not {share:g}")

    @classmethod
    def parse(cls, text: str, settings: Sequence[str] = (), name: str = "") -> Self:
        """See ``Recipe.parse``. Raises RecipeError."""
        made = filled(cls, text, settings, name)
        _demand(made.length.epochs is None, "[length] of mini is in hours or steps")
        return made

    def lasting(self, length: Length | None) -> Self:
        """The same for another length, if one is given."""
        return self if length is None else replace(self, length=length)

    def part(self, name: str, *, alone: bool) -> Steps:
        """How one part is trained: for its share of the length, or ``alone`` for all of it."""
        part, length = getattr(self, name), self.length
        share = 1.0 if alone else part.share
        if length.hours is not None:
            length = Length(hours=share * length.hours)
        else:
            assert length.steps is not None, "parse allows no epochs"
            length = Length(steps=max(1, round(share * length.steps)))
        return Steps(length, part)

    def text(self) -> str:
        """As TOML, complete."""
        return "\n".join(_toml({"": asdict(self)}, "")).strip() + "\n"


@dataclass(frozen=True)
class Steps:
    """What the training loop asks for: ``engine.Plan``."""

    length: Length
    of: Any
    """The plan of a part."""

    @property
    def optimiser(self) -> PartOptimiser:
        """See ``engine.Plan``."""
        optimiser: PartOptimiser = self.of.optimiser
        return optimiser

    @property
    def weight_decay(self) -> float:
        """See ``engine.Plan``."""
        return self.optimiser.weight_decay

    def stage(self, progress: float) -> Stage:
        """There is one."""
        return Stage(1.0, self.of.batch, SIZE)

    def without_length(self) -> str:
        """What a run may not change half-way, as JSON."""
        parts = asdict(self.of)
        del parts["share"]
        return json.dumps(parts, sort_keys=True)


def _toml(tables: dict[str, Any], above: str) -> list[str]:
    """Tables, each with its plain values first, as lines."""
    lines = []
    for name, table in tables.items():
        whole = f"{above}.{name}".strip(".")
        inner = {key: value for key, value in table.items() if isinstance(value, dict)}
        plain = {key: value for key, value in table.items() if key not in inner and value is not None}
        lines += ["", f"[{whole}]"] if whole else []
        lines += [f"{key} = {toml_value(value)}" for key, value in plain.items()]
        lines += _toml(inner, whole)
    return lines
