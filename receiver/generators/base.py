"""What a generator is: conditions in, a clip out. Every generator, own or from a hub, has this face."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from common.conventions import FRAMES, SIZE
from common.errors import SettingError
from common.sections.base import Arrived

TEXT: str = "text"
"""What text is called among conditions; every task's name ends in it."""

GuidanceForm = Literal["joint", "literal"]
"""How eq. (2) is read. "joint": both branches see the visual condition, the second one the text, too (so do
VideoComposer, Open-Sora and VACE). "literal": the second branch sees the text alone, as the equation is printed."""


@dataclass(frozen=True)
class Conditions:
    """What the receiver holds for one clip, by section; nothing here comes from the source clip itself.

    ``sections`` is what arrived, as the receiver decoded it (:class:`common.sections.base.Arrived`); a generator asks
    for it by what it is called among conditions: "text", "frame", "sketch", "sketches" … ``frames``, ``height`` and
    ``width`` (pixels) say what is wanted. Raises SettingError for pictures that do not fit these.
    """

    sections: Mapping[str, Arrived]
    frames: int = FRAMES
    height: int = SIZE
    width: int = SIZE

    def __post_init__(self) -> None:
        size = (self.height, self.width)
        frame, sketches = self.first_frame, self.sketches
        if frame is not None and frame.shape != (3, *size):
            raise SettingError(f"the first frame is {frame.shape}, but (3, {size[0]}, {size[1]}) is wanted")
        if sketches is not None and sketches.shape not in ((1, *size), (self.frames, *size)):
            raise SettingError(
                f"the sketches are {sketches.shape}, but {size[0]}x{size[1]}, one or {self.frames}, are wanted"
            )

    @classmethod
    def of(
        cls,
        description: str | None = None,
        first_frame: NDArray[np.float32] | None = None,
        sketches: NDArray[np.float32] | None = None,
        snr_db: float | None = None,
        frames: int = FRAMES,
        height: int = SIZE,
        width: int = SIZE,
    ) -> Conditions:
        """Conditions without a burst: a text, a first frame (3, H, W), sketches (1 or F, H, W), float32 in [0, 1].

        ``snr_db`` is the SNR that the pictures came through, None where they are clean.
        """
        found = {TEXT: Arrived(TEXT, "text", TEXT, description)}
        if first_frame is not None:
            found["frame"] = Arrived("frame", "frame", "frame", first_frame, snr_db)
        if sketches is not None:
            name = "sketch" if len(sketches) == 1 else "sketches"
            fallbacks = () if len(sketches) == 1 else (("sketch", sketches[:1]),)
            found[name] = Arrived(name, "sketch", name, sketches, snr_db, fallbacks=fallbacks)
        return cls(found, frames, height, width)

    @property
    def visuals(self) -> tuple[Arrived, ...]:
        """What arrived but text."""
        return tuple(a for a in self.sections.values() if a.modality != "text" and a.value is not None)

    def get(self, condition: str) -> Any:
        """The content that is called so, or None where it was not sent or is lost."""
        arrived = (a.value for a in self.sections.values() if a.condition == condition)
        return next((value for value in arrived if value is not None), None)

    @property
    def description(self) -> str | None:
        """The decoded text, None where it was not sent or is lost."""
        found: str | None = self.get(TEXT)
        return found

    @property
    def first_frame(self) -> NDArray[np.float32] | None:
        """The decoded first frame, float32 (3, H, W) in [0, 1], or None."""
        found: NDArray[np.float32] | None = self.get("frame")
        return found

    @property
    def sketches(self) -> NDArray[np.float32] | None:
        """Decoded sketches, float32 (S, H, W) in [0, 1], white lines on black: one of the first frame, or one of each
        frame; or None."""
        found: NDArray[np.float32] | None = self.get("sketches")
        return self.get("sketch") if found is None else found

    @property
    def snr_db(self) -> float | None:
        """How far the pictures can be trusted: the lowest SNR that one of them came through, by the receiver's own
        estimate, None where they are clean."""
        return min((a.snr_db for a in self.visuals if a.snr_db is not None), default=None)

    @property
    def task(self) -> str:
        """What is to be rebuilt from: the names of the visual conditions, and "text": "frame-text", "text"."""
        return "-".join([*(visual.condition for visual in self.visuals), TEXT])


class Generator(Protocol):
    """Rebuilds clips. ``name`` is the backbone's name as figures carry it, ``tasks`` what it can build from."""

    name: str
    tasks: frozenset[str]

    def generate(
        self, conditions: Conditions, seed: int, steps: int | None = None, guidance: float | None = None
    ) -> NDArray[np.float32]:
        """A clip, float32 (F, 3, H, W) in [0, 1].

        The same conditions, seed, steps, guidance and thread count give the same bytes. ``steps`` and ``guidance``
        (ω of the paper's eq. (2)) default to the generator's own. Raises a GvscError where the conditions do not fit.
        """
        ...
