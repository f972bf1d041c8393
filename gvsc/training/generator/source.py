"""The one file that `mini` is trained from, small enough to carry: what a bare machine cannot make for itself.

It holds photos and real clips as JPEG, and the word vectors of all captions, which a large pretrained network made. The
rendered clips are not in it: they follow from a seed and the photos, and are rendered where the training is
(``gvsc.training.generator.pool``). The axes of the latents are in it (``gvsc.training.generator.axes``).

The file is in the format of safetensors. ``photos`` and ``clips`` are uint8, the encoded pictures one after another,
and ``photos.ends``, ``clips.ends`` tell where each ends; ``words``, ``words.ends`` and ``words.step`` are `Words`,
``axes.mean``, ``axes.basis`` and ``axes.scale`` `Axes`. The metadata ``gvsc`` is JSON: format, SHA-256 of the tensors,
names, captions, and which text belongs to what.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save_file

from common.conventions import FRAMES, SIZE
from gvsc.training.generator import tensors
from gvsc.training.generator.axes import Axes
from gvsc.training.generator.words import Words
from gvsc.training.prepared import PreparedError, decode
from transmitter.clips.world import Photo, World

FORMAT: Final = "mini 2"
_AXES: Final = tuple(f"axes.{name}" for name in Axes._fields)
_TENSORS: Final = ("photos", "photos.ends", "clips", "clips.ends", "words", "words.ends", "words.step", *_AXES)


@dataclass(frozen=True)
class Source:
    """A file's content. Texts are numbers into ``captions`` and ``words``: of each rendered clip (its caption, and that
    of its mirror image), of each real clip, of each photo.

    ``photos`` are JPEG by name, ``clips`` JPEG frames, 8 to a clip. ``seed`` is the rendered world's; of its clips so
    many as are ``sketched``, the last ones, get sketches.
    """

    photos: Mapping[str, bytes]
    backdrops: Mapping[str, str]
    """What each photo shows in few words, as captions of rendered clips before it say."""
    clips: Sequence[bytes]
    clip_names: Sequence[str]
    captions: Sequence[str]
    words: Words
    axes: Axes
    seed: int
    world_texts: NDArray[np.int32]
    """(count, 2)."""
    clip_texts: NDArray[np.int32]
    photo_texts: NDArray[np.int32]
    sketched: int
    crops: int
    """Of each photo."""
    about: str

    @property
    def count(self) -> int:
        """Rendered clips."""
        return len(self.world_texts)

    def pictures(self) -> dict[str, NDArray[np.uint8]]:
        """The photos, decoded. Raises PreparedError."""
        return {name: decode(blob) for name, blob in self.photos.items()}

    def world(self, pictures: Mapping[str, NDArray[np.uint8]]) -> World:
        """The rendered world before these photos."""
        return world_before(pictures, self.backdrops, self.seed)

    def clip(self, number: int) -> NDArray[np.uint8]:
        """A real clip (8, 256, 256, 3). Raises PreparedError."""
        frames = np.stack([decode(blob) for blob in self.clips[FRAMES * number : FRAMES * (number + 1)]])
        if frames.shape != (FRAMES, SIZE, SIZE, 3):
            raise PreparedError(f"a prepared clip has the shape {frames.shape}; make the file again")
        return frames


def world_before(pictures: Mapping[str, NDArray[np.uint8]], backdrops: Mapping[str, str], seed: int) -> World:
    """The training split of the world, before photos by name."""
    return World(seed, "train", [Photo(pixels, backdrops[name]) for name, pixels in pictures.items()])


def write(file: Path, source: Source) -> None:
    """Writes the file, in one step. Raises PreparedError."""
    arrays: dict[str, NDArray[Any]] = {
        "words": source.words.values,
        "words.ends": source.words.ends,
        "words.step": source.words.step,
        **dict(zip(_AXES, source.axes, strict=True)),
    }
    for name, blobs in (("photos", list(source.photos.values())), ("clips", list(source.clips))):
        arrays[name] = np.frombuffer(b"".join(blobs), np.uint8)
        arrays[f"{name}.ends"] = np.cumsum([len(blob) for blob in blobs], dtype=np.int64)
    facts = {
        "format": FORMAT,
        "sha256": _hash(arrays),
        "photos": list(source.photos),
        "backdrops": dict(source.backdrops),
        "clips": list(source.clip_names),
        "captions": list(source.captions),
        "seed": source.seed,
        "world_texts": source.world_texts.tolist(),
        "clip_texts": source.clip_texts.tolist(),
        "photo_texts": source.photo_texts.tolist(),
        "sketched": source.sketched,
        "crops": source.crops,
        "about": source.about,
    }
    partial = file.with_name(f".partial-{file.name}")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        save_file(arrays, partial, {"gvsc": json.dumps(facts)})
        partial.chmod(0o644)
        partial.replace(file)
    except OSError as error:
        raise PreparedError(f"cannot write {file}: {error}") from error


def load(file: Path) -> Source:
    """Reads and verifies a file. Raises PreparedError."""
    if not file.is_file():
        raise PreparedError(
            f"there is no prepared file {file}; make it with gvsc train fetch and gvsc train prepare-mini"
        )
    try:
        arrays, metadata = tensors.read(file)
        facts = json.loads(metadata["gvsc"])
        if facts["format"] != FORMAT:
            raise PreparedError(f"{file} is of format {facts['format']!r}, not {FORMAT!r}; make it again")
        if _hash(arrays) != facts["sha256"]:
            raise PreparedError(f"{file} is damaged: its SHA-256 is another than was written; make it again")
        source = Source(
            photos=dict(zip(facts["photos"], _blobs(arrays, "photos"), strict=True)),
            backdrops={str(name): str(said) for name, said in facts["backdrops"].items()},
            clips=_blobs(arrays, "clips"),
            clip_names=[str(name) for name in facts["clips"]],
            captions=[str(text) for text in facts["captions"]],
            words=Words(arrays["words"], arrays["words.ends"], arrays["words.step"]),
            axes=Axes(*(arrays[name] for name in _AXES)),
            seed=int(facts["seed"]),
            world_texts=np.array(facts["world_texts"], np.int32).reshape(-1, 2),
            clip_texts=np.array(facts["clip_texts"], np.int32),
            photo_texts=np.array(facts["photo_texts"], np.int32),
            sketched=int(facts["sketched"]),
            crops=int(facts["crops"]),
            about=str(facts["about"]),
        )
        _check(source)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise PreparedError(f"{file} is no prepared file of mini, or damaged ({error}); make it again") from error
    return source


def _check(source: Source) -> None:
    """Raises ValueError unless all numbers fit each other."""
    clips = len(source.clip_names)
    if len(source.clips) != FRAMES * clips or len(source.clip_texts) != clips:
        raise ValueError("its names do not fit its clips")
    if set(source.backdrops) != set(source.photos) or len(source.photo_texts) != len(source.photos):
        raise ValueError("its names do not fit its photos")
    texts = np.concatenate([source.world_texts.ravel(), source.clip_texts, source.photo_texts])
    known = len(source.words)
    if len(source.captions) != known or not ((texts >= 0) & (texts < known)).all():
        raise ValueError("its texts do not fit its words")
    source.axes.check()


def _hash(arrays: Mapping[str, NDArray[Any]]) -> str:
    digest = hashlib.sha256()
    for name in _TENSORS:
        digest.update(np.ascontiguousarray(arrays[name]).data)
    return digest.hexdigest()


def _blobs(arrays: Mapping[str, NDArray[Any]], name: str) -> list[bytes]:
    joined, ends = arrays[name].tobytes(), [0, *arrays[f"{name}.ends"].tolist()]
    return [joined[start:end] for start, end in pairwise(ends)]
