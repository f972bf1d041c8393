"""A pool of a few small things, and recipes of tiny networks."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gvsc.training.generator import axes, mirror, pool, source
from gvsc.training.generator.plan import MiniRecipe
from gvsc.training.generator.pool import Pool
from gvsc.training.generator.source import Source, world_before
from gvsc.training.generator.words import Words
from gvsc.training.prepared import decode
from gvsc.training.recipe import find

WIDTH = 6
TINY = (
    "painter.network = { widths = [8, 8, 8], blocks = [1, 1, 1], sketch_width = 4, heads = 2, topics = 2 }",
    "mover.network = { widths = [8, 8, 8], coarse_blocks = 1, heads = 2, topics = 2 }",
    "decoder.network = { widths = [8, 8, 8] }",
    "layout.network = { width = 8, layers = 1, heads = 2, shape_width = 4, topics = 2 }",
    "layout.batch = 3",
    "painter.batch = 6",
    "mover.batch = 4",
    "mover.real = 2",
    "decoder.batch = 2",
    "decoder.crop = 64",
)


PLAIN = ("rain runs down a window", "a man waits")


def vectors(text: str) -> np.ndarray:
    """Some numbers for each word of a text, the same for the same word."""
    return np.array(
        [np.random.default_rng(list(word.encode())).normal(size=WIDTH) for word in text.split()], np.float32
    ).reshape(-1, WIDTH)


def jpeg(picture: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


def smooth(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    few = Image.fromarray(rng.integers(0, 256, (5, 6, 3), dtype=np.uint8))
    return np.asarray(few.resize((width, height), Image.Resampling.BICUBIC))


@pytest.fixture(scope="session")
def small_source() -> Source:
    rng = np.random.default_rng(1)
    photos = {"here": jpeg(smooth(rng, 260, 300))}
    backdrops = {"here": "a photo"}
    pictures = {name: decode(blob) for name, blob in photos.items()}
    world = world_before(pictures, backdrops, 5)
    told = [world[number].caption for number in range(6)]
    captions = list(
        dict.fromkeys(
            [t for caption in told for t in (caption, mirror.caption(caption))] + ["", "a bird goes left", *PLAIN]
        )
    )
    clips = [jpeg(np.roll(smooth(rng, 256, 256), 4 * frame, 1)) for _ in range(2) for frame in range(8)]
    return Source(
        photos=photos,
        backdrops=backdrops,
        clips=clips,
        clip_names=["shot-000-00001-0", "shot-001-00001-0"],
        captions=captions,
        words=Words.packed([vectors(caption) for caption in captions]),
        axes=axes.fit(world, 6, clips, list(pictures.values()), 2, 5),
        seed=5,
        world_texts=np.array([[captions.index(c), captions.index(mirror.caption(c))] for c in told], np.int32),
        clip_texts=np.array([captions.index("a bird goes left"), captions.index("")], np.int32),
        photo_texts=np.array([captions.index("")], np.int32),
        sketched=2,
        crops=2,
        about="Noise, in the public domain.",
    )


@pytest.fixture(scope="session")
def small_file(small_source: Source, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("data") / "prepared-mini.safetensors"
    source.write(file, small_source)
    return file


@pytest.fixture(scope="session")
def small_pool(small_file: Path) -> Pool:
    return pool.load(small_file, lambda what, done, total: None)


@pytest.fixture(scope="session")
def tiny_lines() -> tuple[str, ...]:
    return TINY


@pytest.fixture
def tiny() -> MiniRecipe:
    return MiniRecipe.parse(find("mini", "default")[1], TINY)
