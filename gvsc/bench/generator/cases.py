"""What generators are asked for: held-out clips of the rendered world, and real ones."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count as numbers
from itertools import islice
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from common.conventions import FRAMES, SIZE
from common.errors import ClipError
from gvsc.bench.generator.judges import Verdict, truth
from transmitter.clips import Wanted, read_clips
from transmitter.clips.world import Scene, World, WorldClip

SIDEWAYS: Final = {"left": "right", "right": "left"}

DIRECTIONS: Final = ("left", "right", "up", "down")
ZOOMS: Final = ("in", "out")

MOST_CLIPS: Final = 200
"""Of a folder, so that a film does not take a week."""


@dataclass(frozen=True)
class Case:
    """A source clip uint8 (8, 256, 256, 3) with its caption. ``right`` is what judges should see in it, if known.

    ``number`` is that of its noise and of its generator's seed.
    """

    name: str
    number: int
    video: NDArray[np.uint8]
    caption: str
    right: Verdict | None = None


def told(count: int, seed: int) -> list[Case]:
    """Held-out clips of one object: of two, nobody could say which is meant."""
    return _drawn(count, seed, lambda scene: len(scene.shapes) == 1)


def moving(count: int, seed: int) -> list[Case]:
    """Held-out clips in which an object or the camera moves."""
    return _drawn(count, seed, lambda s: s.camera != "still" or any(shape.motion != "still" for shape in s.shapes))


def sideways(count: int, seed: int) -> list[Case]:
    """Held-out clips of one object in which it or the camera goes left or right, and the caption says so."""
    return _drawn(
        count,
        seed,
        lambda scene: len(scene.shapes) == 1 and (scene.camera in SIDEWAYS or scene.shapes[0].motion in SIDEWAYS),
    )


def direction(right: Verdict) -> tuple[str, str] | None:
    """Which question of the judges' a caption answers with a direction, and that: None where nothing goes anywhere."""
    if right["motion"] in DIRECTIONS:
        return "motion", right["motion"]
    if right["camera"] in (*DIRECTIONS, *ZOOMS):
        return "camera", right["camera"]
    return None


def from_source(source: Path, count: int | None) -> list[Case]:
    """The first clip of each video of a folder, or all clips of one video, at most ``count``.

    A clip without a caption of its own is described by the default describer. Raises ClipError, WeightsError.
    """
    from transmitter.extract import description

    if not source.exists():
        raise ClipError(f"{source}: no such file or folder")
    describer = description.load()
    clips = read_clips(source, Wanted(clip_at=0.0 if source.is_dir() else None))
    return [
        Case(f"{clip.name}-{clip.number}", number, clip.video, describer.extract(clip).text)
        for number, clip in enumerate(islice(clips, MOST_CLIPS if count is None else count))
    ]


def held_out_real(data: Path, count: int) -> list[Case]:
    """Of the prepared data in that folder the clips that training leaves out, one a shot; none where there are none.

    Raises ClipError where they are damaged.
    """
    from gvsc.training.mini_captions import clip_caption

    videos, names = data / "clips-val.npy", data / "clips-val.json"
    if not videos.is_file() or not names.is_file():
        return []
    try:
        clips = np.lib.format.open_memmap(videos, mode="r")
        called = json.loads(names.read_text(encoding="utf-8"))
        if not isinstance(called, list) or not all(isinstance(name, str) for name in called):
            raise ValueError("no list of names")
        if clips.shape != (len(called), FRAMES, SIZE, SIZE, 3) or clips.dtype != np.uint8:
            raise ValueError(f"{len(called)} names for an array {clips.shape} of {clips.dtype}")
    except (OSError, ValueError) as error:
        raise ClipError(
            f"{videos} or {names.name} is damaged ({error}); delete both, and run gvsc train fetch --out {data}"
        ) from error
    shots: dict[str, list[int]] = {}
    for index, name in enumerate(called):
        shots.setdefault("-".join(name.split("-")[:2]), []).append(index)
    middles = [indices[len(indices) // 2] for indices in shots.values()]
    return [Case(called[i], i, np.ascontiguousarray(clips[i]), clip_caption(called[i])) for i in middles[:count]]


def _drawn(count: int, seed: int, wanted: Callable[[Scene], bool]) -> list[Case]:
    return list(islice(_cases(seed, wanted), count))


def _cases(seed: int, wanted: Callable[[Scene], bool]) -> Iterator[Case]:
    world = World(seed, "held_out")
    for number in numbers():
        clip = world[number]
        if wanted(clip.scene):
            yield _case(number, clip)


def _case(number: int, clip: WorldClip) -> Case:
    right = truth(clip.scene) if len(clip.scene.shapes) < 2 else None
    return Case(f"world-{number:05d}", number, clip.video, clip.caption, right)
