"""The rendered world: endless clips that draw themselves, with captions that say exactly what is to be seen."""

from __future__ import annotations

import re
from collections.abc import Generator
from dataclasses import dataclass
from itertools import count
from typing import ClassVar, Final, Literal

from common.clip import Clip
from common.conventions import DEFAULT_SEED, FPS
from common.errors import ClipError, SettingError
from transmitter.clips.readers.base import refuse_start
from transmitter.clips.wanted import Wanted

_SOURCE: Final = re.compile(r"world(?::(?P<seed>[0-9]{1,18}))?(?::(?P<split>train|held_out))?")


@dataclass(frozen=True)
class RenderedWorld:
    """Clip i of the world ``seed``: always the same, and there is always one more."""

    seed: int = DEFAULT_SEED
    split: Literal["train", "held_out"] = "train"
    endless: ClassVar[bool] = True

    def check(self, wanted: Wanted) -> None:
        """See ``Reader``."""
        refuse_start("the rendered world", wanted)

    def read(self, wanted: Wanted) -> Generator[Clip]:
        """See ``Reader``. Raises SettingError where other clips are wanted than 8 frames of 256×256, 4 a second."""
        self.check(wanted)
        # Imported here: the world is only loaded by whoever looks at it.
        from transmitter.clips.world import World

        world = World(self.seed, self.split)
        for number in count():
            made = world[number]
            frames, height, width, _ = made.video.shape
            if (frames, (height, width), FPS) != (wanted.frames, wanted.size, wanted.fps):
                raise SettingError(f"the world has clips of {frames} frames of {width}×{height} at {FPS:g} fps only")
            caption = made.caption if wanted.caption is None else wanted.caption
            yield Clip(video=made.video, caption=caption, name=f"world-{self.seed}-{number}", number=number, fps=FPS)


def recognise(source: str) -> RenderedWorld | None:
    """``world``, ``world:SEED``, ``world:SEED:held_out``. Raises ClipError where what follows ``world:`` is neither."""
    if source != "world" and not source.startswith("world:"):
        return None
    match = _SOURCE.fullmatch(source)
    if match is None:
        raise ClipError(f"{source!r}: the rendered world is world, world:SEED or world:SEED:held_out")
    seed = DEFAULT_SEED if match["seed"] is None else int(match["seed"])
    return RenderedWorld(seed, "held_out" if match["split"] == "held_out" else "train")
