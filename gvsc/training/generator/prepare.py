"""Makes the file that `mini` is trained from (`source`), where the data folder and the text encoder are."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from common import weights
from gvsc.training.fetch import FetchError
from gvsc.training.generator import axes, mirror
from gvsc.training.generator.axes import Axes
from gvsc.training.generator.pool import PAIRS_A_CLIP
from gvsc.training.generator.source import Source, world_before, write
from gvsc.training.generator.words import Words
from gvsc.training.mini_captions import PHOTOS, clip_caption
from gvsc.training.photo_captions import CAPTIONS
from gvsc.training.plain_captions import plain_captions
from gvsc.training.prepare import CLIP_PSNR_DB, PHOTO_PSNR_DB, choose, jpeg
from gvsc.training.prepared import decode
from gvsc.training.sources import table

CLIPS, REAL_CLIPS, SKETCHED = 1000, 60, 500
"""As many as leave the default file under 40 MB, and its unfolding a matter of minutes."""

SEED: Final = 4242
"""Of the rendered clips."""
PHOTO_SIDE: Final = 640
CROPS: Final = 24
"""Of each photo."""
PLAIN: Final = 600
"""Captions of nothing that the rendered world has."""
_AT_ONCE: Final = 50

Advance = Callable[[str, int, int], None]
Embed = Callable[[Sequence[str]], list[NDArray[np.float32]]]
"""Word vectors (L, D) of each text; none of an empty one."""


@dataclass(frozen=True)
class _Real:
    """Real clips and photos, compressed, with their captions."""

    photos: dict[str, bytes]
    clips: list[bytes]
    clip_names: list[str]


def prepare(
    data: Path,
    file: Path,
    *,
    clips: int = CLIPS,
    real_clips: int = REAL_CLIPS,
    sketched: int = SKETCHED,
    crops: int = CROPS,
    seed: int = SEED,
    like: Axes | None = None,
    embed: Embed | None = None,
    advance: Advance = lambda what, done, total: None,
) -> Source:
    """Writes the file of a data folder: for so many rendered clips, ``sketched`` of them with sketches, and real ones.

    The latents' axes are ``like`` these, or fitted. ``embed`` is the pretrained text encoder if it is not given. Raises
    FetchError where the folder lacks something, WeightsError, PreparedError.
    """
    real = _real(data, real_clips, advance)
    backdrops = {name: PHOTOS.get(name, "a photo") for name in real.photos}
    pictures = {name: decode(blob) for name, blob in real.photos.items()}
    world = world_before(pictures, backdrops, seed)
    told = []
    for number in range(clips):
        told.append(world[number].caption)
        advance("reading the captions of rendered clips", number + 1, clips)
    of_world = [(caption, mirror.caption(caption)) for caption in told]
    of_clips = [clip_caption(name) for name in real.clip_names]
    of_photos = [CAPTIONS.get(name, "") for name in real.photos]
    told_all = [*(text for both in of_world for text in both), *of_clips, *of_photos, *plain_captions(PLAIN, seed)]
    captions = list(dict.fromkeys(told_all))
    place = {caption: number for number, caption in enumerate(captions)}
    embed = embed or text_encoder()
    vectors: list[NDArray[np.float32]] = []
    for begin in range(0, len(captions), _AT_ONCE):
        vectors += embed(captions[begin : begin + _AT_ONCE])
        advance("reading texts", len(vectors), len(captions))
    source = Source(
        photos=real.photos,
        backdrops=backdrops,
        clips=real.clips,
        clip_names=real.clip_names,
        captions=captions,
        words=Words.packed(vectors),
        axes=like or axes.fit(world, clips, real.clips, list(pictures.values()), crops, seed),
        seed=seed,
        world_texts=np.array([[place[text] for text in both] for both in of_world], np.int32).reshape(-1, 2),
        clip_texts=np.array([place[text] for text in of_clips], np.int32),
        photo_texts=np.array([place[text] for text in of_photos], np.int32),
        sketched=min(sketched, clips),
        crops=crops,
        about=(
            f"{clips} rendered clips (seed {seed}) before {len(real.photos)} photos, {crops * len(real.photos)} crops "
            f"of these, {len(real.clip_names)} real clips of 8 frames; captions of photos and real clips by hand, and "
            f"{PLAIN} of nothing. "
            f"Sketches of {PAIRS_A_CLIP * min(sketched, clips)} rendered frames, of one frame of each real clip, and "
            f"of each crop. Word vectors by MiniLM. Nothing of it is in this repository.\n\n{table()}\n"
        ),
    )
    write(file, source)
    return source


def text_encoder() -> Embed:
    """The pretrained encoder that `mini` reads descriptions with. Raises WeightsError."""
    from receiver.generators.mini.text import TextEncoder

    encoder = TextEncoder.load(weights.path("minilm"))

    def vectors(texts: Sequence[str]) -> list[NDArray[np.float32]]:
        words, mask = encoder(texts)
        return [of_text[: int(seen.sum())].numpy() for of_text, seen in zip(words, mask, strict=True)]

    return vectors


def _real(data: Path, count: int, advance: Advance) -> _Real:
    """Photos at a shorter side of 640, and ``count`` clips, each of another shot as far as there are as many."""
    try:
        files = sorted((data / "photos" / "train").glob(f"*.{PHOTO_SIDE}.npy"))
        names: list[str] = json.loads((data / "clips-train.json").read_text(encoding="utf-8"))
        stored = np.load(data / "clips-train.npy", mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError) as error:
        raise FetchError(f"{data} is not complete ({error}); run gvsc train fetch --out {data}") from error
    if not files:
        raise FetchError(f"there are no photos in {data}; run gvsc train fetch --out {data}")
    chosen = choose(names, count) if count else []
    total = len(files) + len(chosen)
    photos = {}
    for done, photo in enumerate(files, 1):
        photos[photo.name.split(".")[0]] = jpeg(np.load(photo, allow_pickle=False), PHOTO_PSNR_DB)
        advance("packing photos and clips", done, total)
    clips: list[bytes] = []
    for done, place in enumerate(chosen, len(files) + 1):
        clips += [jpeg(frame, CLIP_PSNR_DB) for frame in stored[place]]
        advance("packing photos and clips", done, total)
    return _Real(photos, clips, [names[place] for place in chosen])
