"""Packs the data folder into the one file that training reads (``gvsc.training.prepared``)."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from gvsc.training.fetch import FetchError
from gvsc.training.photos import centre_crops, load_photos
from gvsc.training.prepared import LARGEST_BYTES, Prepared, PreparedError, write
from gvsc.training.sources import table

CLIPS, HELD_OUT_CLIPS, SKETCHES = 60, 8, 2000
"""As many as leave the default data under 40 MB."""

PHOTO_PSNR_DB, CLIP_PSNR_DB = 40.0, 38.0
"""A JPEG picture is stored at the lowest quality that keeps so much; DJSCC codecs reach 30 dB."""

_QUALITIES: Final = (85, 88, 90, 92, 94, 96, 98, 100)
_SKETCH_QUALITY: Final = 80

_CERTAIN: Final = 0.95
"""Of the sketches' size as estimated from a few: so much it is for certain."""

Advance = Callable[[str, int, int], None]
"""Told what is being packed, how much is done, and of how much."""

_Jobs = dict[str, tuple[Sequence[NDArray[np.uint8]], Callable[[NDArray[np.uint8]], bytes]]]
"""Pictures by section, and what encodes them."""


@dataclass(frozen=True)
class Packed:
    """All of a prepared file but its sketches: encoded pictures and names by section."""

    sections: Mapping[str, Sequence[bytes]]
    names: Mapping[str, Sequence[str]]
    held_out: int
    """Held-out photos."""

    def judge(self, file: Path, count: int, held_out: NDArray[np.uint8], first: NDArray[np.uint8]) -> None:
        """Raises PreparedError where ``count`` sketches like the ``first`` and those ``held_out`` are too many."""
        known = sum(len(blob) for blobs in self.sections.values() for blob in blobs)
        known += sum(len(webp(lines)) for lines in held_out)
        each = sum(len(webp(lines)) for lines in first) / max(1, len(first))
        if known + _CERTAIN * count * each > LARGEST_BYTES:
            fit = max(0, int((LARGEST_BYTES - known) / each / 100) * 100) if each else 0
            raise PreparedError(
                f"{file} would have about {(known + count * each) / 1e6:.0f} MB, more than {LARGEST_BYTES / 1e6:.0f}; "
                f"take at most {fit} sketches or fewer clips, or draw them with --sketches-only for training on the "
                "folder"
            )


def pack(data: Path, *, clips: int, advance: Advance) -> Packed:
    """Encodes photos and clips of a data folder. Raises FetchError where the folder lacks something."""
    try:
        photos, held_out = (load_photos(data / "photos" / split) for split in ("train", "val"))
        chosen = {"clips": _clips(data, "train", clips), "held_out_clips": _clips(data, "val", HELD_OUT_CLIPS)}
    except (OSError, ValueError) as error:
        raise _incomplete(data, error) from error
    frames = {section: [frame for _, clip in pairs for frame in clip] for section, pairs in chosen.items()}
    jobs: _Jobs = {
        "photos": ([sides[max(sides)] for sides in photos.values()], lambda picture: jpeg(picture, PHOTO_PSNR_DB)),
        "clips": (frames["clips"], lambda picture: jpeg(picture, CLIP_PSNR_DB)),
        "held_out_clips": (frames["held_out_clips"], lambda picture: jpeg(picture, CLIP_PSNR_DB)),
        "held_out_pictures": (list(centre_crops(held_out, 256)), png),
    }
    names = {section: [name for name, _ in pairs] for section, pairs in chosen.items()} | {"photos": list(photos)}
    return Packed(_encode(jobs, advance), names, len(held_out))


def prepare(data: Path, file: Path, packed: Packed, *, sketches: int, advance: Advance) -> Prepared:
    """Writes the prepared file of a data folder with the sketches in it. Returns what it holds.

    Raises PreparedError, or FetchError where there are not so many sketches.
    """
    try:
        lines = {split: np.load(data / "sketches" / f"{split}.npy", mmap_mode="r") for split in ("train", "val")}
    except (OSError, ValueError) as error:
        raise _incomplete(data, error) from error
    if len(lines["train"]) < sketches:
        raise FetchError(f"{data} has {len(lines['train'])} sketches, not {sketches}")
    drawn: _Jobs = {"sketches": (lines["train"][:sketches], webp), "held_out_sketches": (lines["val"], webp)}
    sections = {**packed.sections, **_encode(drawn, advance)}
    prepared = Prepared(sections, packed.names, _about(sections, packed.names, packed.held_out))
    write(file, prepared)
    return prepared


def _incomplete(data: Path, error: Exception) -> FetchError:
    return FetchError(f"{data} is not complete ({error}); run gvsc train fetch --out {data}")


def _encode(jobs: _Jobs, advance: Advance) -> dict[str, list[bytes]]:
    total, done = sum(len(pictures) for pictures, _ in jobs.values()), 0
    sections: dict[str, list[bytes]] = {}
    for section, (pictures, encode) in jobs.items():
        sections[section] = []
        for picture in pictures:
            sections[section].append(encode(picture))
            done += 1
            advance(section.replace("_", " "), done, total)
    return sections


def _clips(data: Path, split: str, count: int) -> list[tuple[str, NDArray[np.uint8]]]:
    """Clips by name: one of each shot, of as many shots as asked for, evenly among all that there are."""
    names: list[str] = json.loads((data / f"clips-{split}.json").read_text(encoding="utf-8"))
    clips = np.load(data / f"clips-{split}.npy", mmap_mode="r", allow_pickle=False)
    return [(names[place], clips[place]) for place in choose(names, count)]


def choose(names: Sequence[str], count: int) -> list[int]:
    """Places of clips in the middle of their shots, of shots evenly among all; clips are named SHOT-FRAME-CROP."""
    shots: dict[str, list[int]] = {}
    for place, name in enumerate(names):
        shots.setdefault(name.rsplit("-", 2)[0], []).append(place)
    middles = [places[len(places) // 2] for places in shots.values()]
    if count >= len(middles):
        return middles
    return [middles[index] for index in np.linspace(0, len(middles) - 1, count).round().astype(int)]


def jpeg(picture: NDArray[np.uint8], least_psnr_db: float) -> bytes:
    """A picture (H, W, 3) at the lowest quality that keeps that PSNR; colours are not sub-sampled."""
    for quality in _QUALITIES:
        blob = _encoded(picture, "JPEG", quality=quality, subsampling=0, optimize=True)
        with Image.open(io.BytesIO(blob)) as opened:
            if psnr_db(picture, np.asarray(opened)) >= least_psnr_db:
                break
    return blob


def png(picture: NDArray[np.uint8]) -> bytes:
    """A picture (H, W, 3) without loss."""
    return _encoded(picture, "PNG", optimize=True)


def webp(sketch: NDArray[np.uint8]) -> bytes:
    """A sketch (H, W), as a picture of three equal colours."""
    return _encoded(np.repeat(sketch[..., None], 3, axis=2), "WEBP", quality=_SKETCH_QUALITY, method=4)


def psnr_db(first: NDArray[np.uint8], second: NDArray[np.uint8]) -> float:
    """Of two pictures, peak 255; 100 dB if they are the same."""
    square = float(((first.astype(np.float32) - second) ** 2).mean())
    return 100.0 if square == 0.0 else 10.0 * float(np.log10(255.0**2 / square))


def _encoded(picture: NDArray[np.uint8], form: str, **options: int | bool) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(picture)).save(buffer, form, **options)
    return buffer.getvalue()


def _about(sections: Mapping[str, Sequence[bytes]], names: Mapping[str, Sequence[str]], held_out: int) -> str:
    return (
        f"To train on: {len(names['photos'])} photos, {len(names['clips'])} clips of 8 frames, "
        f"{len(sections['sketches'])} sketches of crops of them. Held out by name: "
        f"{len(sections['held_out_pictures'])} crops of {held_out} photos, {len(names['held_out_clips'])} clips, "
        f"{len(sections['held_out_sketches'])} sketches. Nothing of it is in this repository.\n\n{table()}\n"
    )
