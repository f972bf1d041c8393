"""Frames out of a pool as they are shown to the painter: of which clip, with which text and sketch, mirrored or not."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from common.conventions import FRAMES
from gvsc.training.generator import mirror
from gvsc.training.generator.held_out import kept_back
from gvsc.training.generator.pool import PAIRS_A_CLIP, Pool
from gvsc.training.generator.rendered import SMALL
from receiver.generators.mini.painter import trust_of

Kind = Literal["world", "clips", "crops"]

KINDS: Final[tuple[Kind, ...]] = get_args(Kind)

FIRST: Final = 0.5
"""Share of first frames among plain ones, at least: a clip is made from its first frame."""

Latents = NDArray[np.float32]


@dataclass(frozen=True)
class Shown:
    """A frame's latents (C, h, w), and how much of each of its places objects cover, (64, 64) in [0, 1]; the latents of
    its clip (8, C, h, w), if it has one; its number there; its text; and its sketch (256, 256) with how far it is to be
    trusted. Where ``turned``, all of it is the mirror image's."""

    latents: Latents
    cover: NDArray[np.float32]
    clip: Latents | None
    frame: int
    text: int
    turned: bool
    sketch: NDArray[np.uint8] | None = None
    sketch_trust: float = 0.0


class Frames:
    """The frames of a pool."""

    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        self.count = len(pool["world.texts"])
        self.trained = self.count - kept_back(self.count)
        """The rendered clips up to this one are trained on."""

    def kind(self, real: float, rng: np.random.Generator) -> Kind:
        """Rendered, or for a share of ``real`` out of a real clip or a photo, as far as there are any."""
        if rng.random() >= real:
            return "world"
        there: list[Kind] = [kind for kind in ("clips", "crops") if len(self.pool[f"{kind}.text"])]
        return there[int(rng.integers(len(there)))] if there else "world"

    def plain(self, kind: Kind, rng: np.random.Generator) -> Shown:
        """A frame without a sketch."""
        count = self.trained if kind == "world" else len(self.pool[f"{kind}.text"])
        frame = 0 if kind == "crops" or rng.random() < FIRST else int(rng.integers(FRAMES))
        return self.frame(kind, int(rng.integers(count)), frame, turned=rng.random() < 0.5)

    def pairs(self, kind: Kind) -> range:
        """The pairs of this kind that are trained on."""
        pairs = self.pool.pairs(kind)
        kept = PAIRS_A_CLIP * (self.count - self.trained) if kind == "world" else 0
        return pairs[: max(0, len(pairs) - kept)]

    def sketched(self, kind: Kind, received: float, rng: np.random.Generator) -> Shown:
        """A frame with its sketch, for a share of ``received`` as it was received."""
        pool, pairs = self.pool, self.pairs(kind)
        pair = pairs[int(rng.integers(len(pairs)))]
        shown = self.of_pair(kind, pair, turned=rng.random() < 0.5)
        as_received = rng.random() < received
        lines = pool["pairs.received" if as_received else "pairs.sketch"][pair]
        return replace(
            shown,
            sketch=mirror.picture(lines) if shown.turned else lines,
            sketch_trust=trust_of(float(pool["pairs.snr_db"][pair])) if as_received else 1.0,
        )

    def of_pair(self, kind: Kind, pair: int, *, turned: bool) -> Shown:
        """The frame that a pair is of."""
        return self.frame(kind, int(self.pool["pairs.row"][pair]), int(self.pool["pairs.frame"][pair]), turned=turned)

    def frame(self, kind: Kind, row: int, frame: int, *, turned: bool) -> Shown:
        """A frame of a table's row; turned where that is wished and its text allows it."""
        pool = self.pool
        if kind == "world":
            text = int(pool["world.texts"][row, int(turned)])
        else:
            text, turned = int(pool[f"{kind}.text"][row]), turned and bool(pool[f"{kind}.turns"][row])
        stored = pool[f"{kind}.latents"][row]
        clip = None if kind == "crops" else stored
        latents = self.latents(stored if clip is None else stored[frame], turned)
        return Shown(latents, self._cover(kind, row, frame, turned), clip, frame, text, turned)

    def _cover(self, kind: Kind, row: int, frame: int, turned: bool) -> NDArray[np.float32]:
        """Photos have no objects that the world knows of."""
        if kind != "world":
            return np.zeros((SMALL, SMALL), np.float32)
        outline = self.pool["world.outlines"][row, frame].astype(np.float32) / np.float32(255.0)
        return mirror.picture(outline) if turned else outline

    def latents(self, stored: NDArray[Any], turned: bool) -> Latents:
        """Latents (C, h, w) in float32, of the mirror image if it is ``turned``."""
        cells = stored.astype(np.float32)
        return mirror.latents(cells, self.pool.signs) if turned else cells
