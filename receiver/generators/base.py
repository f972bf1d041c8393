"""What a generator is: conditions in, a clip out. Every generator, own or from a hub, has this face."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

Role = Literal["text", "frame-text"]
"""What a generator can rebuild a clip from: the description, or the first frame and the description."""


@dataclass(frozen=True)
class Conditions:
    """What the receiver holds for one clip; nothing here comes from the source clip itself.

    ``description`` is the decoded text, None where it was not sent or is lost. ``first_frame`` is the decoded frame,
    float32 (3, H, W) in [0, 1], or None. ``snr_db`` is the receiver's own estimate, None where it has none.
    ``frames``, ``height`` and ``width`` (pixels) say what is wanted.
    """

    description: str | None
    first_frame: NDArray[np.float32] | None
    snr_db: float | None
    frames: int
    height: int
    width: int


class Generator(Protocol):
    """Rebuilds clips. ``name`` is the backbone's name as figures carry it, ``roles`` what it can build from."""

    name: str
    roles: frozenset[Role]

    def generate(
        self, conditions: Conditions, seed: int, steps: int | None = None, guidance: float | None = None
    ) -> NDArray[np.float32]:
        """A clip, float32 (F, 3, H, W) in [0, 1].

        The same conditions, seed, steps, guidance and thread count give the same bytes. ``steps`` and ``guidance``
        (ω of the paper's eq. (2)) default to the generator's own. Raises a GvscError where the conditions do not fit.
        """
        ...
