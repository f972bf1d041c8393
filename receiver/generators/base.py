"""What a generator is: conditions in, a clip out. Every generator, own or from a hub, has this face."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol, get_args

import numpy as np
from numpy.typing import NDArray

from common.conventions import FRAMES, SIZE
from common.errors import SettingError

Role = Literal["text", "frame-text", "sketch-text", "sketches-text"]
"""What a clip is rebuilt from: the description alone, or with it the first frame, the sketch of the first frame, or
the sketches of all frames."""

ROLES: frozenset[Role] = frozenset(get_args(Role))

GuidanceForm = Literal["joint", "literal"]
"""How eq. (2) is read. "joint": both branches see the visual condition, the second one the text, too (so do
VideoComposer, Open-Sora and VACE). "literal": the second branch sees the text alone, as the equation is printed."""


@dataclass(frozen=True)
class Conditions:
    """What the receiver holds for one clip; nothing here comes from the source clip itself.

    ``description`` is the decoded text, None where it was not sent or is lost. ``first_frame`` is the decoded frame,
    float32 (3, H, W) in [0, 1], or None. ``sketches`` are decoded sketches, float32 (S, H, W) in [0, 1], white lines on
    black: one of the first frame, or one of each frame; or None. ``snr_db`` is how far the pictures can be trusted: the
    receiver's own estimate of the SNR they came through, None where they are clean. ``frames``, ``height`` and
    ``width`` (pixels) say what is wanted. Raises SettingError for pictures that do not fit these.
    """

    description: str | None = None
    first_frame: NDArray[np.float32] | None = None
    snr_db: float | None = None
    frames: int = FRAMES
    height: int = SIZE
    width: int = SIZE
    sketches: NDArray[np.float32] | None = None

    def __post_init__(self) -> None:
        size = (self.height, self.width)
        if self.first_frame is not None and self.first_frame.shape != (3, *size):
            raise SettingError(f"the first frame is {self.first_frame.shape}, but (3, {size[0]}, {size[1]}) is wanted")
        allowed = ((1, *size), (self.frames, *size))
        if self.sketches is not None and self.sketches.shape not in allowed:
            raise SettingError(
                f"the sketches are {self.sketches.shape}, but {size[0]}x{size[1]}, one or {self.frames}, are wanted"
            )

    @property
    def role(self) -> Role:
        """By what there is, the most telling first: sketches of all frames, a first frame, one sketch, text."""
        if self.sketches is not None and len(self.sketches) > 1:
            return "sketches-text"
        if self.first_frame is not None:
            return "frame-text"
        return "text" if self.sketches is None else "sketch-text"


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
