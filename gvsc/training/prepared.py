"""The one file that training reads: pictures, clips and sketches, compressed, in a safetensors file of at most 40 MB.

It is read with nothing but torch, numpy, Pillow and safetensors, so that training runs on a bare machine.

Each section is two tensors: NAME, uint8, the encoded pictures one after another, and ``NAME.ends``, int64, where each
ends. The metadata ``gvsc`` is JSON: ``format`` (the version), ``sha256`` of every section, ``names`` of photos and
clips, ``about`` in Markdown.

| section | holds |
|---|---|
| ``photos`` | training photos, JPEG, shorter side at most 1024 |
| ``clips``, ``held_out_clips`` | JPEG frames 256×256, 8 a clip |
| ``held_out_pictures`` | PNG 256×256: the same pixels as ``photos.validation_pictures`` |
| ``sketches``, ``held_out_sketches`` | WebP 256×256, the same values in all three colours |
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Final, TypeVar

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from PIL import Image
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file
from torch import Tensor

from common.conventions import FRAMES, SIZE
from common.errors import GvscError
from gvsc.training.photos import PHOTO_SIDES, Crops, PictureSource

FORMAT: Final = 1
LARGEST_BYTES: Final = 40_000_000
SECTIONS: Final = ("photos", "clips", "held_out_clips", "held_out_pictures", "sketches", "held_out_sketches")
_LARGEST_PIXELS: Final = 4096 * 4096

_Given = TypeVar("_Given")
_Made = TypeVar("_Made")


class PreparedError(GvscError):
    """A prepared file is missing, damaged, of another version, or would be too large."""


@dataclass(frozen=True)
class Prepared:
    """A prepared file's content, verified but still encoded; each method decodes what it gives.

    ``sections``: the encoded pictures by section. ``names``: of the photos, and of clips by section.
    """

    sections: Mapping[str, Sequence[bytes]]
    names: Mapping[str, Sequence[str]]
    about: str

    def crops(self) -> Crops:
        """The training pictures, like those of the data folder: photos at `PHOTO_SIDES`, and clips."""
        pyramids = _each(lambda blob: pyramid(decode(blob)), self.sections["photos"])
        return Crops(dict(zip(self.names["photos"], pyramids, strict=True)), self.clips())

    def pictures(self) -> PictureSource:
        """The same, as ``gvsc.training.data.Data`` wants it."""
        return self.crops()

    def clips(self) -> NDArray[np.uint8]:
        """Training clips (N, 8, 256, 256, 3)."""
        return self._squares("clips").reshape(-1, FRAMES, SIZE, SIZE, 3)

    def held_out_clips(self) -> NDArray[np.uint8]:
        """Clips (N, 8, 256, 256, 3) that are never trained on."""
        return self._squares("held_out_clips").reshape(-1, FRAMES, SIZE, SIZE, 3)

    def held_out_pictures(self) -> Tensor:
        """Centre crops of the held-out photos, float32 (N, 3, 256, 256) in [0, 1]."""
        return torch.from_numpy(self._squares("held_out_pictures")).permute(0, 3, 1, 2).float().div(255.0).contiguous()

    def sketches(self) -> NDArray[np.uint8]:
        """Sketches (N, 256, 256) of training pictures, white on black."""
        return self._squares("sketches", grey=True)

    def held_out_sketches(self) -> NDArray[np.uint8]:
        """Sketches (N, 256, 256) of held-out pictures, white on black."""
        return self._squares("held_out_sketches", grey=True)

    def _squares(self, section: str, grey: bool = False) -> NDArray[np.uint8]:
        shape = (SIZE, SIZE) if grey else (SIZE, SIZE, 3)
        made = np.empty((len(self.sections[section]), *shape), np.uint8)

        def fill(place: int) -> None:
            picture = decode(self.sections[section][place])
            if picture.shape != (SIZE, SIZE, 3):
                raise PreparedError(f"the prepared file's {section} are not all {SIZE}×{SIZE}; make it again")
            made[place] = picture[..., 1] if grey else picture

        _each(fill, range(len(made)))
        return made


def _each(make: Callable[[_Given], _Made], given: Iterable[_Given]) -> list[_Made]:
    """Decoders release the interpreter's lock, so threads help."""
    with ThreadPoolExecutor() as pool:
        return list(pool.map(make, given))


def decode(blob: bytes) -> NDArray[np.uint8]:
    """An encoded picture as (H, W, 3) RGB. Raises PreparedError."""
    try:
        with Image.open(io.BytesIO(blob), formats=("JPEG", "PNG", "WEBP")) as opened:
            if opened.width * opened.height > _LARGEST_PIXELS:
                raise PreparedError(f"a prepared picture of {opened.width}×{opened.height} pixels is refused")
            return np.array(opened.convert("RGB"))
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise PreparedError(f"a prepared picture cannot be decoded: {error}") from error


def pyramid(photo: NDArray[np.uint8]) -> dict[int, NDArray[np.uint8]]:
    """A photo (H, W, 3) at each of `PHOTO_SIDES` that does not enlarge it, by shorter side."""
    short = min(photo.shape[:2])
    sizes = {}
    whole = torch.from_numpy(photo).permute(2, 0, 1)[None]
    for side in (side for side in PHOTO_SIDES if side <= short):
        if side == short:
            sizes[side] = photo
            continue
        height, width = (max(side, round(length * side / short)) for length in photo.shape[:2])
        small = F.interpolate(whole, (height, width), mode="bicubic", antialias=True)
        sizes[side] = np.ascontiguousarray(small[0].permute(1, 2, 0).numpy())
    return sizes


def write(file: Path, prepared: Prepared) -> None:
    """Writes the file, in one step. Raises PreparedError where it would be too large or cannot be written."""
    tensors: dict[str, NDArray[Any]] = {}
    for section in SECTIONS:
        blobs = prepared.sections[section]
        tensors[section] = np.frombuffer(b"".join(blobs), np.uint8)
        tensors[f"{section}.ends"] = np.cumsum([len(blob) for blob in blobs], dtype=np.int64)
    about = {
        "format": FORMAT,
        "sha256": {section: _hash(tensors, section) for section in SECTIONS},
        "names": {section: list(names) for section, names in prepared.names.items()},
        "about": prepared.about,
    }
    file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_name(f".partial-{file.name}")
    try:
        save_file(tensors, partial, {"gvsc": json.dumps(about)})
        size = partial.stat().st_size
        if size > LARGEST_BYTES:
            partial.unlink()
            raise PreparedError(
                f"{file} would have {size} bytes, more than {LARGEST_BYTES}; take fewer sketches or clips"
            )
        partial.chmod(0o644)
        partial.replace(file)
    except (OSError, SafetensorError) as error:
        raise PreparedError(f"cannot write {file}: {error}") from error


def load(file: Path) -> Prepared:
    """Reads and verifies a prepared file. Raises PreparedError."""
    if not file.is_file():
        raise PreparedError(f"there is no prepared file {file}; make it with gvsc train fetch and gvsc train prepare")
    try:
        with safe_open(file, "np") as stored:
            about = json.loads((stored.metadata() or {})["gvsc"])
            if about["format"] != FORMAT:
                raise PreparedError(f"{file} is of format {about['format']}, not {FORMAT}; make it again")
            names = [f"{section}{part}" for section in SECTIONS for part in ("", ".ends")]
            tensors = {name: stored.get_tensor(name) for name in names}
            sections = {section: _blobs(tensors, section, about["sha256"][section]) for section in SECTIONS}
            prepared = Prepared(sections, about["names"], about["about"])
            counts = {"photos": 1, "clips": FRAMES, "held_out_clips": FRAMES}
            if any(len(sections[section]) != each * len(about["names"][section]) for section, each in counts.items()):
                raise PreparedError(f"{file} is damaged: its names do not fit its pictures; make it again")
    except (OSError, SafetensorError, ValueError, KeyError, TypeError) as error:
        raise PreparedError(f"{file} is no prepared file, or damaged ({error}); make it again") from error
    return prepared


def _hash(tensors: Mapping[str, NDArray[Any]], section: str) -> str:
    digest = hashlib.sha256(np.ascontiguousarray(tensors[f"{section}.ends"]).data)
    digest.update(np.ascontiguousarray(tensors[section]).data)
    return digest.hexdigest()


def _blobs(tensors: Mapping[str, NDArray[Any]], section: str, expected: str) -> list[bytes]:
    """The encoded pictures of a section. Raises PreparedError where they are not what was written."""
    if _hash(tensors, section) != expected:
        raise PreparedError(f"the prepared file's {section} have another SHA-256 than was written; make it again")
    joined, ends = tensors[section].tobytes(), [0, *tensors[f"{section}.ends"].tolist()]
    return [joined[start:end] for start, end in pairwise(ends)]
