"""Pictures to try codecs on: files of any size, frames of clips, or photos that come with a package."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from common.conventions import SIZE
from common.errors import ClipError

SUFFIXES: Final = (".bmp", ".gif", ".jpeg", ".jpg", ".png", ".ppm", ".tif", ".tiff", ".webp")
"""What counts as a picture in a folder."""

PACKAGED: Final = ("astronaut.png", "chelsea.png", "coffee.png", "motorcycle_left.png", "rocket.jpg")
"""Photos of scikit-image, in the public domain or CC0. No codec here was trained on them."""

CLIP_FRAMES: Final = (0, 4)
"""Which frames of a clip of eight are taken: a second apart."""

MOST_CLIPS: Final = 50
"""So that a film does not take a day."""

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Picture:
    """``pixels`` is uint8 (SIZE, SIZE, 3) RGB."""

    name: str
    pixels: NDArray[np.uint8]


def from_folder(source: Path, tell: Tell) -> list[Picture]:
    """The pictures of a folder by name, or one file. What cannot be read is told and left out.

    Raises ClipError where there is no such place, or not one picture in it that can be read.
    """
    if source.is_file():
        files = [source]
    elif source.is_dir():
        files = sorted(f for f in source.iterdir() if f.suffix.lower() in SUFFIXES and f.name[0] != "." and f.is_file())
    else:
        raise ClipError(f"{source}: no such file or folder")
    pictures = []
    for file in files:
        try:
            pictures.append(Picture(file.stem, read(file)))
        except ClipError as error:
            tell(f"left out: {error}")
    if not pictures:
        raise ClipError(f"{source}: holds no picture that can be read ({', '.join(SUFFIXES)})")
    return _named_apart(pictures)


def from_clips(source: Path) -> list[Picture]:
    """CLIP_FRAMES of the first clip of each video of a folder, or of each clip of one video (`transmitter.clips`).

    Of MOST_CLIPS clips at most. Videos that cannot be read are logged and left out. Raises ClipError where none can.
    """
    from transmitter.clips import Wanted, read_clips

    if not source.exists():
        raise ClipError(f"{source}: no such file or folder")
    clips = read_clips(source, Wanted(caption="", clip_at=0.0 if source.is_dir() else None))
    return _named_apart(
        [
            Picture(f"{clip.name}-{clip.number}-{frame}", clip.video[frame])
            for clip in islice(clips, MOST_CLIPS)
            for frame in CLIP_FRAMES
        ]
    )


def packaged(tell: Tell) -> list[Picture]:
    """The photos of scikit-image that are installed. Raises ClipError where none is."""
    import skimage

    folder = Path(skimage.__file__).parent / "data"
    there = [folder / name for name in PACKAGED if (folder / name).is_file()]
    if not there:
        raise ClipError("this scikit-image comes without photos; name a folder of pictures with --images")
    return [picture for file in there for picture in from_folder(file, tell)]


def held_out(data: Path) -> list[Picture]:
    """The photos that training leaves out, of the data in that folder (`gvsc train fetch`). Raises ClipError."""
    from gvsc.training.photos import validation_pictures

    try:
        pixels = validation_pictures(data, SIZE)
    except FileNotFoundError as error:
        raise ClipError(str(error)) from None
    return [
        Picture(f"held-out-{number:02d}", picture)
        for number, picture in enumerate(pixels.permute(0, 2, 3, 1).mul(255).round().byte().numpy())
    ]


def read(file: Path) -> NDArray[np.uint8]:
    """The largest centred square of a picture, upright, as uint8 (SIZE, SIZE, 3), scaled with an antialiased filter.

    What is transparent is shown on black. Raises ClipError for what is no picture, is damaged, or has too many pixels.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            warnings.filterwarnings("ignore", category=UserWarning, module="PIL")  # of damaged tags
            with Image.open(file) as opened:
                picture = _rgb(ImageOps.exif_transpose(opened))
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise ClipError(f"{file}: has more than {Image.MAX_IMAGE_PIXELS} pixels") from None
    except UnidentifiedImageError:
        raise ClipError(f"{file}: not a picture") from None
    except (OSError, SyntaxError, ValueError, EOFError) as error:  # whatever Pillow's readers raise for damage
        raise ClipError(f"{file}: cannot be read ({error})") from None
    side = min(picture.size)
    left, top = (picture.width - side) / 2, (picture.height - side) / 2
    box = (left, top, left + side, top + side)
    return np.asarray(picture.resize((SIZE, SIZE), Image.Resampling.BICUBIC, box=box), dtype=np.uint8)


def _rgb(picture: Image.Image) -> Image.Image:
    if picture.mode.startswith("I"):  # 16 bits a sample; Pillow would clip them
        return Image.fromarray((np.asarray(picture).clip(0, 65535) >> 8).astype(np.uint8)).convert("RGB")
    if picture.has_transparency_data:
        rgba = picture.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", rgba.size, "black"), rgba).convert("RGB")
    return picture.convert("RGB")


def _named_apart(pictures: list[Picture]) -> list[Picture]:
    """The same with no name twice: they become files."""
    taken: set[str] = set()

    def free(name: str) -> Iterator[str]:
        yield name
        yield from (f"{name}-{number}" for number in range(2, len(pictures) + 2))

    named = []
    for picture in pictures:
        name = next(candidate for candidate in free(picture.name) if candidate not in taken)
        taken.add(name)
        named.append(Picture(name, picture.pixels))
    return named
