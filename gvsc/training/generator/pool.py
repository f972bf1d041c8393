"""The pool: all that `mini` is trained on, as arrays that a step only has to pick from.

It is unfolded from the prepared file (`source`) where the training is, once, beside that file, and mapped into memory.

| tensor | shape | |
|---|---|---|
| ``latent.basis``, ``.mean``, ``.scale`` | | of the patch latents (`PatchLatent`), as the prepared file has them |
| ``world.latents`` | (N, 8, C, 16, 16) float16 | of the rendered clips |
| ``world.outlines``, ``.frame``, ``.masks``, ``.behind``, ``.moves`` | see `Rendered` | |
| ``world.layout``, ``.forms``, ``.palette`` | see `Rendered` | |
| ``world.texts`` | (N, 2) | caption of the clip, and of its mirror image |
| ``clips.latents``, ``.frame`` | as above | of the real clips |
| ``clips.video`` | (M, 8, 64, 64, 3) uint8 | |
| ``clips.text``, ``.turns`` | (M,) | caption; 1 where it holds for the mirror image, too |
| ``clips.rate`` | (M,) float32 | how often each is taken: windows of one shot are alike |
| ``crops.latents``, ``.text``, ``.turns`` | (P, …) | crops of photos |
| ``pairs.picture``, ``.sketch``, ``.received`` | (Q, 256, 256, …) uint8 | pictures; sketches, drawn and received |
| ``pairs.known`` | (Q, C, 16, 16) float16 | latents of the picture as received by ``djscc-frame`` |
| ``pairs.snr_db``, ``.row``, ``.frame`` | (Q,) | the receiver's SNR; which row of which table above it is, and frame |

The first pairs are of the last rendered clips (the first frame and another one of each), then one of each real clip,
then one of each crop.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from common.conventions import FRAMES, SIZE
from common.weights.manifest import digest_of
from gvsc.training.generator import mirror, tensors, tones
from gvsc.training.generator.axes import CELLS, CHANNELS, PATCH
from gvsc.training.generator.crops import numbered
from gvsc.training.generator.received import Link
from gvsc.training.generator.rendered import FRAME, PARTS, SMALL, rendered, smaller
from gvsc.training.generator.source import Source
from gvsc.training.generator.source import load as load_source
from gvsc.training.generator.words import Words
from gvsc.training.prepared import PreparedError
from receiver.generators.mini.layout import NUMBERS
from transmitter.clips.world import World

FORMAT: Final = "mini pool 5"
PAIRS_A_CLIP: Final = 2
"""Of each rendered clip that gets sketches."""
_STREAM: Final = 2
"""Of the seed."""

Advance = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Pool:
    """A pool in memory, ``arrays`` by the names above."""

    arrays: Mapping[str, NDArray[Any]]
    words: Words
    about: str
    digest: str
    """SHA-256 of the prepared file."""
    signs: NDArray[np.float32] = field(init=False)
    """(C,): by what a channel changes in a mirror image."""

    def __post_init__(self) -> None:
        signs = mirror.parity(torch.from_numpy(np.array(self["latent.basis"])), PATCH)
        object.__setattr__(self, "signs", signs)

    def __getitem__(self, name: str) -> NDArray[Any]:
        return self.arrays[name]

    @property
    def channels(self) -> int:
        """Of the latents."""
        return len(self["latent.scale"])

    @property
    def deviation(self) -> Tensor:
        """Standard deviation (C,) of the pictures along each axis, before the division by ``scale``: `fit_basis` makes
        ``scale`` = √deviation · √(mean deviation)."""
        scale = torch.from_numpy(np.array(self["latent.scale"]))
        return scale.square() / scale.square().mean().sqrt()

    @property
    def variance(self) -> Tensor:
        """Of the latents, by channel (C,)."""
        return (self.deviation / torch.from_numpy(np.array(self["latent.scale"]))).square()

    def pairs(self, kind: str) -> range:
        """Which pairs are of rendered clips (``world``), real ones (``clips``), photos (``crops``)."""
        clips, crops = len(self["clips.text"]), len(self["crops.text"])
        sketched = len(self["pairs.row"]) - clips - crops
        ends = {"world": (0, sketched), "clips": (sketched, sketched + clips)}
        return range(*ends.get(kind, (sketched + clips, sketched + clips + crops)))


def beside(file: Path) -> Path:
    """Where the pool of a prepared file is kept."""
    return file.with_suffix(".pool.safetensors")


def load(file: Path, advance: Advance) -> Pool:
    """The pool of a prepared file; unfolds it if that has not been done from the same file by the same weights. Raises
    PreparedError, WeightsError."""
    source = load_source(file)
    digest, unfolded = digest_of(file).sha256, beside(file)
    about = {"of": digest, "format": FORMAT, "weights": Link.version()}
    if not _is(unfolded, about):
        try:
            with _locked(unfolded):
                if not _is(unfolded, about):  # by now another process may have done it
                    unfold(source, unfolded, about, advance)
        except OSError as error:
            raise PreparedError(f"cannot write {unfolded}: {error}") from error
    try:
        arrays, _ = tensors.read(unfolded)
        return Pool(arrays, source.words, source.about, digest)
    except (OSError, ValueError, KeyError) as error:
        raise PreparedError(f"cannot read {unfolded} ({error}); delete it, it is made again") from error


def _is(unfolded: Path, about: Mapping[str, str]) -> bool:
    try:
        return unfolded.is_file() and tensors.about(unfolded) == about
    except (OSError, ValueError):
        return False


@contextmanager
def _locked(file: Path) -> Iterator[None]:
    """Within it no other process writes the file. Raises PreparedError where one does, OSError."""
    with file.with_name(f".lock-{file.name}").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise PreparedError(f"another process is writing {file}; wait for it") from None
        yield


def shapes(world: int, clips: int, crops: int, pairs: int) -> tensors.Shapes:
    """Of a pool of so many rows."""
    cells, square = (CHANNELS, CELLS, CELLS), (SIZE, SIZE)
    return {
        "latent.basis": ((CHANNELS, 3 * PATCH**2), "f4"),
        "latent.mean": ((3 * PATCH**2,), "f4"),
        "latent.scale": ((CHANNELS,), "f4"),
        "world.latents": ((world, FRAMES, *cells), "f2"),
        "world.outlines": ((world, FRAMES, SMALL, SMALL), "u1"),
        "world.frame": ((world, FRAME, FRAME, 3), "u1"),
        "world.masks": ((world, PARTS, SMALL, SMALL), "u1"),
        "world.behind": ((world, SMALL, SMALL, 3), "u1"),
        "world.moves": ((world, PARTS + 1, FRAMES, 4), "f4"),
        "world.layout": ((world, PARTS + 1, NUMBERS), "f4"),
        "world.forms": ((world, PARTS + 1), "u1"),
        "world.palette": ((world, PARTS + 1, tones.COUNT, 3), "u1"),
        "world.texts": ((world, 2), "i4"),
        "clips.latents": ((clips, FRAMES, *cells), "f2"),
        "clips.video": ((clips, FRAMES, SMALL, SMALL, 3), "u1"),
        "clips.frame": ((clips, FRAME, FRAME, 3), "u1"),
        "clips.text": ((clips,), "i4"),
        "clips.turns": ((clips,), "u1"),
        "clips.rate": ((clips,), "f4"),
        "crops.latents": ((crops, *cells), "f2"),
        "crops.text": ((crops,), "i4"),
        "crops.turns": ((crops,), "u1"),
        "pairs.picture": ((pairs, *square, 3), "u1"),
        "pairs.sketch": ((pairs, *square), "u1"),
        "pairs.received": ((pairs, *square), "u1"),
        "pairs.known": ((pairs, *cells), "f2"),
        "pairs.snr_db": ((pairs,), "f4"),
        "pairs.row": ((pairs,), "i4"),
        "pairs.frame": ((pairs,), "i4"),
    }


def unfold(source: Source, file: Path, about: Mapping[str, str], advance: Advance) -> None:
    """Writes the pool of ``source``, and what it is made of, ``about``. Raises PreparedError, WeightsError, OSError."""
    pictures = source.pictures()
    world = source.world(pictures)
    clips, crops = len(source.clip_names), source.crops * len(pictures)
    sketched = min(source.sketched, source.count)
    partial = file.with_name(f".partial-{file.name}")
    rows = shapes(source.count, clips, crops, PAIRS_A_CLIP * sketched + clips + crops)
    try:
        arrays = tensors.create(partial, rows, about)
        making = _Unfolding(source, world, list(pictures.values()), arrays, sketched)
        _all_rows(
            [
                *((making.rendered, number) for number in range(source.count)),
                *((making.clip, number) for number in range(clips)),
                *((making.crop, number) for number in range(crops)),
            ],
            advance,
        )
        for array in arrays.values():
            if isinstance(array, np.memmap):
                array.flush()
        partial.replace(file)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def _all_rows(jobs: Sequence[tuple[Callable[[int], None], int]], advance: Advance) -> None:
    """Every job, on all cores; with one thread for each, so that their number changes nothing in what comes out.

    Another kind of processor may round otherwise; no more than that, as the latents' axes come with the file.
    """
    with ThreadPoolExecutor(os.cpu_count(), initializer=torch.set_num_threads, initargs=(1,)) as threads:
        futures = [threads.submit(job, number) for job, number in jobs]
        try:
            for done, future in enumerate(futures, 1):
                future.result()
                advance("unfolding the prepared file", done, len(futures))
        except BaseException:
            threads.shutdown(wait=True, cancel_futures=True)
            raise


class _Unfolding:
    """What the rows are made with."""

    def __init__(
        self,
        source: Source,
        world: World,
        photos: list[NDArray[np.uint8]],
        arrays: Mapping[str, NDArray[Any]],
        sketched: int,
    ) -> None:
        self.source, self.world, self.photos, self.arrays = source, world, photos, arrays
        self.sketched = sketched
        self.latent = source.axes.latent()
        self.link = Link.load()
        for name, value in source.axes._asdict().items():
            arrays[f"latent.{name}"][:] = value

    def rendered(self, number: int) -> None:
        source, arrays = self.source, self.arrays
        made = rendered(self.world, number)
        if made.caption != source.captions[source.world_texts[number, 0]]:
            raise PreparedError("the rendered world has changed since the prepared file was made; make it again")
        arrays["world.latents"][number] = self._encode(made.video)
        for name in ("outlines", "frame", "masks", "behind", "moves", "layout", "forms", "palette"):
            arrays[f"world.{name}"][number] = getattr(made, name)
        arrays["world.texts"][number] = source.world_texts[number]
        nth_sketched = number - (source.count - self.sketched)
        if nth_sketched >= 0:
            rng = np.random.default_rng([source.seed, _STREAM, number])
            for nth, frame in enumerate((0, int(rng.integers(1, FRAMES)))):
                self._pair(PAIRS_A_CLIP * nth_sketched + nth, made.video[frame], number, frame, rng)

    def clip(self, number: int) -> None:
        source, arrays = self.source, self.arrays
        video = source.clip(number)
        arrays["clips.latents"][number] = self._encode(video)
        arrays["clips.video"][number] = smaller(video, SMALL)
        arrays["clips.frame"][number] = smaller(video[:1], FRAME)[0]
        self._text("clips", number, int(source.clip_texts[number]))
        shots = [name.rsplit("-", 2)[0] for name in source.clip_names]
        arrays["clips.rate"][number] = shots.count(shots[number]) ** -0.5
        place = PAIRS_A_CLIP * self.sketched + number
        rng = np.random.default_rng([source.seed, _STREAM, source.count + number])
        frame = int(rng.integers(FRAMES))
        self._pair(place, video[frame], number, frame, rng)

    def crop(self, number: int) -> None:
        source, clips = self.source, len(self.source.clip_names)
        picture = self._crop(number)
        self.arrays["crops.latents"][number] = self._encode(picture[None])[0]
        self._text("crops", number, int(source.photo_texts[number // self.source.crops]))
        place = PAIRS_A_CLIP * self.sketched + clips + number
        self._pair(
            place, picture, number, 0, np.random.default_rng([source.seed, _STREAM, source.count + clips + number])
        )

    def _text(self, table: str, number: int, text: int) -> None:
        caption = self.source.captions[text]
        self.arrays[f"{table}.text"][number] = text
        self.arrays[f"{table}.turns"][number] = mirror.caption(caption) == caption

    def _crop(self, number: int) -> NDArray[np.uint8]:
        return numbered(self.photos, number, self.source.crops, self.source.seed)

    def _pair(self, place: int, picture: NDArray[np.uint8], row: int, frame: int, rng: np.random.Generator) -> None:
        arrays, sent = self.arrays, self.link.send(picture, rng)
        arrays["pairs.picture"][place] = picture
        arrays["pairs.sketch"][place] = sent.sketch
        arrays["pairs.received"][place] = sent.received_sketch
        arrays["pairs.known"][place] = self.latent.encode(torch.from_numpy(sent.picture)[None])[0].numpy()
        arrays["pairs.snr_db"][place], arrays["pairs.row"][place], arrays["pairs.frame"][place] = (
            sent.snr_db,
            row,
            frame,
        )

    def _encode(self, frames: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Latents of frames (N, H, W, 3)."""
        pictures = torch.from_numpy(np.ascontiguousarray(frames)).permute(0, 3, 1, 2).float() / 255.0
        return self.latent.encode(pictures).numpy()
