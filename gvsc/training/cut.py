"""Cuts fetched photos and videos into what is trained on.

Written below a folder (all uint8, memory-mappable with ``numpy.load(..., mmap_mode="r")``):

- ``photos/train/NAME.SIDE.npy`` and ``photos/val/…``: photos (H, W, 3), each at several sizes; SIDE is the shorter side
  in pixels.
- ``clips-train.npy``, ``clips-val.npy`` (N, 8, 256, 256, 3): clips of 8 frames at 4 frames per second, none across a
  cut; ``clips-train.json`` and ``clips-val.json`` name each. Held-out clips are whole shots of the film, and the ends
  of other videos.

The demonstration clips are no source, and the shot of the film that one of them shows is left out.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import av
import numpy as np
from PIL import Image

from common.conventions import DEFAULT_SEED, FPS, FRAMES, SIZE
from gvsc.training.contents import PHOTOS, VALIDATION_PHOTOS, VIDEOS, Medium
from gvsc.training.fetch import FetchError
from gvsc.training.photos import PHOTO_SIDES
from gvsc.training.shots import Shot, frames_of, rate_of, shots, thumbnails, windows
from gvsc.training.unpack import path_of

FILM_DEMO_SECONDS: Final = (45.8, 63.8)
"""What the film and a demonstration clip share (and the shots around it): never trained on."""

FILM_CREDITS_SECONDS: Final = 489.7
VALIDATION_SHOT_STRIDE, VALIDATION_SHOT_PHASE = 16, 7
VALIDATION_TAIL_SECONDS: Final = 8.0
_FLAT: Final = 8.0
"""Standard deviation of 8-bit values below which a clip is black or a fade."""

_HOPS_AND_CROPS: Final = {
    "coin": (1, 1),
    "face-cap12": (4, 1),
    "face-cap13": (4, 1),
    "face-franck": (6, 1),
    "street": (4, 2),
    "film": (2, 2),
}
_SPLITS: Final = ("train", "val")

Advance = Callable[[int, int], None]
"""Told how much is done, and of how much."""


@dataclass(frozen=True)
class Video:
    """A video to cut clips from: ``crops`` square crops of every window, a window every ``hop`` clip frames."""

    name: str
    path: Path
    hop: int
    crops: int
    film: bool = False


@dataclass(frozen=True)
class Cut:
    """A clip to be cut: frame numbers, the square (left, top, right, bottom) in pixels, and where it belongs."""

    split: str
    name: str
    frames: tuple[int, ...]
    box: tuple[float, float, float, float]


def split_of_photo(name: str) -> str:
    """``train`` or ``val``."""
    return "val" if name in VALIDATION_PHOTOS else "train"


def cut_photos(media: Path, out: Path, advance: Advance) -> None:
    """Writes every photo in ``media`` at each of `PHOTO_SIDES` that does not enlarge it, below ``out/photos``.

    Goes on where it was stopped. Raises FetchError where a photo cannot be read or written.
    """
    for index, medium in enumerate(PHOTOS):
        if path_of(medium, media).is_file():
            _cut_photo(medium, media, out / "photos" / split_of_photo(medium.name))
        advance(index + 1, len(PHOTOS))


def _cut_photo(medium: Medium, media: Path, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with Image.open(path_of(medium, media)) as opened:
            short = min(opened.size)
            due = [side for side in PHOTO_SIDES if side <= short and not _file(folder, medium.name, side).exists()]
            photo = opened.convert("RGB") if due else opened
            for side in due:
                width, height = (max(side, round(length * side / short)) for length in photo.size)
                pixels = np.asarray(photo.resize((width, height), Image.Resampling.LANCZOS, reducing_gap=3.0))
                partial = folder / f".partial-{medium.name}.npy"
                np.save(partial, pixels)
                partial.replace(_file(folder, medium.name, side))
    except OSError as error:
        raise FetchError(f"cannot make the photo {medium.name} in {folder}: {error.strerror or error}") from error


def _file(folder: Path, name: str, side: int) -> Path:
    return folder / f"{name}.{side}.npy"


def split_of(video: Video, shot: Shot, frames: list[int], *, rate: float, total: int) -> str | None:
    """``train``, ``val``, or None for a window that must not be used."""
    if video.film:
        low, high = (second * rate for second in FILM_DEMO_SECONDS)
        if (frames[-1] >= low and frames[0] <= high) or frames[-1] >= FILM_CREDITS_SECONDS * rate:
            return None
        return "val" if shot.number % VALIDATION_SHOT_STRIDE == VALIDATION_SHOT_PHASE else "train"
    tail = total - VALIDATION_TAIL_SECONDS * rate
    if frames[0] >= tail:
        return "val"
    return "train" if frames[-1] < tail else None


def crop_box(width: int, height: int, rng: np.random.Generator) -> tuple[float, float, float, float]:
    """A random square inside the picture: the full height half of the time, else at least SIZE and 0.7 of it."""
    side = float(min(width, height))
    if rng.random() < 0.5:
        side = max(min(SIZE, side), side * rng.uniform(0.7, 1.0))
    left, top = rng.uniform(0, width - side), rng.uniform(0, height - side)
    return left, top, left + side, top + side


def plan(video: Video, rng: np.random.Generator) -> list[Cut]:
    """Every clip of a video. Raises FetchError where it cannot be read."""
    try:
        rate, pictures = rate_of(video.path), thumbnails(video.path)
        size = next(frame for frame in frames_of(video.path))
    except av.FFmpegError as error:
        raise FetchError(f"cannot read the video {video.path}: {error.strerror}") from error
    cuts = []
    for shot in shots(pictures):
        for frames in windows(shot, rate=rate, fps=FPS, frames=FRAMES, hop=video.hop):
            split = split_of(video, shot, frames, rate=rate, total=len(pictures))
            if split is not None and pictures[frames].std() > _FLAT:
                for crop in range(video.crops):
                    name = f"{video.name}-{shot.number:03d}-{frames[0]:05d}-{crop}"
                    cuts.append(Cut(split, name, tuple(frames), crop_box(size.width, size.height, rng)))
    return cuts


def videos(media: Path) -> list[Video]:
    """The videos that are in ``media``."""
    found = []
    for medium in VIDEOS:
        path, (hop, crops) = path_of(medium, media), _HOPS_AND_CROPS[medium.name]
        if path.is_file():
            found.append(Video(medium.name, path, hop, crops, film=medium.name == "film"))
    return found


def cut_clips(media: Path, out: Path, advance: Advance) -> dict[str, int]:
    """Writes the clips of the videos in ``media`` and their names; returns how many there are of each split.

    One generator a video, so that a missing one changes no other's crops. Kept if all are there already. Frames go
    into the mapped files as they are decoded, and none is held. Raises FetchError where a video
    cannot be read, or the disk is full.
    """
    found = videos(media)
    known = {split: _names(out, split) for split in _SPLITS}
    done_before = {split: len(names) for split, names in known.items() if names is not None}
    if done_before.keys() == known.keys():
        kept = {_video(name) for names in known.values() for name in names or ()}
        if {video.name for video in found} == kept:
            advance(1, 1)
            return done_before
    seeds = {medium.name: index for index, medium in enumerate(VIDEOS)}
    plans = {video: plan(video, np.random.default_rng([DEFAULT_SEED, seeds[video.name]])) for video in found}
    names = {split: [cut.name for cuts in plans.values() for cut in cuts if cut.split == split] for split in _SPLITS}
    arrays = {split: _reserved(out / f".partial-clips-{split}.npy", len(names[split])) for split in _SPLITS}
    places = {name: (split, place) for split in _SPLITS for place, name in enumerate(names[split])}
    total, done = sum(len(cuts) for cuts in plans.values()) * FRAMES, 0
    for video, cuts in plans.items():
        due: dict[int, list[tuple[int, Cut]]] = {}
        for cut in cuts:
            for position, number in enumerate(cut.frames):
                due.setdefault(number, []).append((position, cut))
        for number, frame in enumerate(frames_of(video.path)):
            if number not in due:
                continue
            picture = Image.fromarray(frame.to_ndarray(format="rgb24"))
            for position, cut in due[number]:
                split, place = places[cut.name]
                arrays[split][place, position] = np.asarray(
                    picture.resize((SIZE, SIZE), Image.Resampling.BICUBIC, box=cut.box, reducing_gap=2.0)
                )
                done += 1
            advance(done, total)
    for split in _SPLITS:
        arrays[split].flush()
        (out / f".partial-clips-{split}.npy").replace(out / f"clips-{split}.npy")
        (out / f"clips-{split}.json").write_text(json.dumps(names[split], indent=0) + "\n", encoding="utf-8")
    return {split: len(names[split]) for split in _SPLITS}


def _names(out: Path, split: str) -> list[str] | None:
    """The names of the clips that are there, None where a file is missing or half written."""
    file = out / f"clips-{split}.json"
    try:
        names: list[str] = json.loads(file.read_text(encoding="utf-8"))
        count = len(np.load(file.with_suffix(".npy"), mmap_mode="r", allow_pickle=False))
    except (OSError, ValueError):
        return None
    return names if count == len(names) else None


def _video(clip: str) -> str:
    """The name of the video that a clip is of: ``face-cap12`` of ``face-cap12-000-00002-0``."""
    return clip.rsplit("-", 3)[0]


def _reserved(file: Path, count: int) -> np.memmap[tuple[int, ...], np.dtype[np.uint8]]:
    """An array of clips on disk. Raises FetchError where there is no space: a mapped file would kill the process."""
    try:
        array = np.lib.format.open_memmap(file, "w+", np.uint8, (count, FRAMES, SIZE, SIZE, 3))
        with file.open("r+b") as opened:
            os.posix_fallocate(opened.fileno(), 0, file.stat().st_size)
    except OSError as error:
        needed = count * FRAMES * SIZE * SIZE * 3 / 2**30
        file.unlink(missing_ok=True)
        raise FetchError(f"cannot write {file} ({needed:.1f} GiB): {error.strerror}") from error
    return array
