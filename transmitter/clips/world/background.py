"""What is behind the objects: a real photo, a landscape, or a procedural texture in two colours or its own."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from common.errors import SettingError
from transmitter.clips.world.camera import canvas_size
from transmitter.clips.world.palette import COLOURS, LIGHTS, Colour, lit
from transmitter.clips.world.patterns import LATTICES, Lattice
from transmitter.clips.world.scene import Photo, Scene
from transmitter.clips.world.textures import TEXTURES, fractal

ONE_COLOUR = ("plain",)
TWO_COLOURS = ("gradient", "stripes", "checks", "dots", "zigzag", "clouds")
MATERIALS: dict[str, tuple[Colour, ...]] = {
    "wood": ((88, 54, 30), (150, 100, 58), (196, 148, 96)),
    "marble": ((96, 98, 108), (216, 216, 220), (240, 238, 234)),
    "bricks": ((196, 188, 178), (128, 62, 48), (178, 92, 68)),
    "grass": ((38, 84, 30), (84, 140, 50), (140, 186, 84)),
    "sand": ((176, 146, 100), (214, 186, 138), (240, 220, 178)),
    "water": ((18, 66, 116), (46, 120, 176), (196, 230, 242)),
}
"""Textures of a colour of their own: its ramp from dark to bright."""

GROUNDS: dict[str, tuple[str, tuple[Colour, ...]]] = {
    "green grass": ("grass", ((48, 104, 40), (84, 148, 58), (132, 184, 84))),
    "a sandy beach": ("sand", ((190, 162, 112), (220, 195, 146), (240, 222, 182))),
    "the blue sea": ("water", ((20, 72, 124), (38, 102, 160), (150, 200, 226))),
    "white snow": ("snow", ((196, 208, 224), (232, 238, 246), (250, 252, 255))),
    "a grey road": ("asphalt", ((78, 78, 84), (104, 104, 110), (130, 130, 136))),
}
"""Landscapes: the texture of the ground and its ramp."""

SKIES: dict[str, tuple[Colour, Colour]] = {
    "day": ((86, 150, 222), (190, 222, 246)),
    "sunset": ((92, 70, 128), (252, 168, 92)),
    "night": ((10, 16, 44), (46, 58, 104)),
}
"""The sky above a landscape as it looks in each light: at the top, and at the horizon."""

KINDS = ("photo", "ground", *ONE_COLOUR, *TWO_COLOURS, *MATERIALS)


def palette(scene: Scene) -> NDArray[np.uint8]:
    """The colours that an object before the background has to differ from: uint8 (n, 3), lit. Empty for a photo."""
    if scene.background == "photo":
        return np.empty((0, 3), np.uint8)
    if scene.background == "ground":
        return np.concatenate(
            [np.array(SKIES[scene.light], np.uint8), lit(GROUNDS[scene.detail[0]][1][1:2], scene.light)]
        )
    colours = [COLOURS[scene.detail[0]]] if scene.background in ONE_COLOUR else _ramp_colours(scene)
    return lit(colours, scene.light)


def horizon(scene: Scene) -> float:
    """The row of the canvas at which a landscape's ground begins."""
    share = np.random.default_rng([scene.seed, 1]).uniform(0.42, 0.58)
    return float(round(canvas_size(scene)[0] * share))


def lattice(scene: Scene) -> Lattice:
    """Where the cells of a scene's pattern, one of `patterns.LATTICES`, are on the canvas."""
    return LATTICES[scene.background](np.random.default_rng([scene.seed, 2]))


def draw(scene: Scene, photo: Photo | None) -> NDArray[np.uint8]:
    """The canvas uint8 (height, width, 3), lit, of `camera.canvas_size`.

    Raises SettingError where the scene has a photo behind it and none is given.
    """
    height, width = canvas_size(scene)
    rng = np.random.default_rng([scene.seed, 2])
    if scene.background == "photo":
        if photo is None:
            raise SettingError("this scene has a photo behind it: give the photo")
        return _photo(scene, photo, height, width)
    if scene.background == "ground":
        return _landscape(scene, height, width, rng)
    tone = TEXTURES[scene.background](height, width, rng)
    return _coloured(tone, _ramp_colours(scene), scene.light)


def photo_window(scene: Scene, photo: Photo) -> tuple[int, int, int, int]:
    """Which part of the photo the canvas shows: left, top, right, bottom in its pixels, of the canvas' aspect."""
    rng = np.random.default_rng([scene.seed, 3])
    height, width = canvas_size(scene)
    full_height, full_width = photo.pixels.shape[:2]
    most = min(full_height / height, full_width / width)
    scale = rng.uniform(0.75, 1.0) * most  # most of it, so that what its caption names is to be seen
    h, w = min(full_height, round(height * scale)), min(full_width, round(width * scale))
    left, top = int(rng.integers(full_width - w + 1)), int(rng.integers(full_height - h + 1))
    return left, top, left + w, top + h


def _photo(scene: Scene, photo: Photo, height: int, width: int) -> NDArray[np.uint8]:
    left, top, right, bottom = photo_window(scene, photo)
    cut = Image.fromarray(photo.pixels[top:bottom, left:right])
    fitted = cut.resize((width, height), Image.Resampling.BILINEAR, reducing_gap=2.0)
    if scene.light != "day":
        fitted = fitted.point([int(v * part) for part in LIGHTS[scene.light] for v in range(256)])
    return np.asarray(fitted)


def _landscape(scene: Scene, height: int, width: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    texture, colours = GROUNDS[scene.detail[0]]
    row = int(horizon(scene))
    sky = _sky(scene.light, row, width, rng)
    if texture != "water" and rng.random() < 0.7:
        _hills(sky, colours, scene.light, rng)
    # the ground is seen at a flat angle: its texture is drawn higher and pressed together, the more the farther away
    tone = TEXTURES[texture](height, width, rng)
    depth = np.linspace(0.0, 1.0, height - row)
    ground = _coloured(tone[((height - 1) * depth**0.7).astype(int)], colours, scene.light)
    if texture == "asphalt":
        _markings(ground, scene.light)
    return np.concatenate([sky, ground])


def _sky(light: str, height: int, width: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    top, bottom = (np.array(colour, np.float32) for colour in SKIES[light])
    down = np.linspace(0, 1, height, dtype=np.float32)[:, None, None]
    sky = top + (bottom - top) * down
    if light == "night":
        sky = np.broadcast_to(sky, (height, width, 3)).astype(np.uint8)
        rows, columns = rng.integers(0, (max(1, int(height * 0.9)), width), (height * width // 900, 2)).T
        sky[rows, columns] = rng.integers(130, 256, (len(rows), 1), dtype=np.uint8)
    else:
        cover = np.clip(fractal(height, width, rng, 90, 3) * 3 - np.float32(rng.uniform(1.4, 2.0)), 0, np.float32(0.85))
        cloud = np.array((255, 255, 255) if light == "day" else (255, 196, 150), np.float32)
        sky = (sky + (cloud - sky) * cover[..., None]).astype(np.uint8)
    if light == "day":
        return sky
    picture = Image.fromarray(sky)
    radius = float(rng.uniform(11, 17) if light == "night" else rng.uniform(16, 26))
    x, y = rng.uniform(0.15, 0.85) * width, height * (rng.uniform(0.15, 0.4) if light == "night" else 0.86)
    disc = Image.new("L", (round(radius * 8), round(radius * 8)))
    ImageDraw.Draw(disc).ellipse((4, 4, radius * 8 - 4, radius * 8 - 4), fill=255)
    picture.paste((236, 236, 220) if light == "night" else (255, 232, 150), (int(x), int(y - radius)), disc.reduce(4))
    return np.array(picture)


def _hills(sky: NDArray[np.uint8], colours: Sequence[Colour], light: str, rng: np.random.Generator) -> None:
    """Puts two ranges of hills before the lower end of the sky (h, w, 3), the farther one paler."""
    height, width = sky.shape[:2]
    haze = np.array(SKIES[light][1], float)
    for share, most in ((0.65, 46), (0.35, 26)):
        colour = haze * share + lit(colours[0], light) * (1 - share)
        spots = rng.uniform(0.15, 1.0, max(4, width // 60)) * most
        line = np.interp(np.linspace(0, len(spots) - 1, width), np.arange(len(spots)), spots)
        line = np.convolve(np.pad(line, 20, "edge"), np.full(41, 1 / 41), "valid")
        cover = np.clip(np.arange(height)[-60:, None] - (height - line) + 0.5, 0, 1)[..., None]
        sky[-60:] = sky[-60:] * (1 - cover) + colour * cover


def _markings(ground: NDArray[np.uint8], light: str) -> None:
    """The dashes in the middle of a road (h, w, 3) that comes towards the camera."""
    height, width = ground.shape[:2]
    picture = Image.fromarray(ground)
    pen = ImageDraw.Draw(picture)
    colour = tuple(lit((226, 226, 220), light).tolist())
    ends = np.linspace(0.12, 1.15, 9) ** 2
    for near, far in zip(ends[1::2], ends[::2], strict=False):
        corners = [(width / 2 + s * d * 9, height * d) for s, d in ((-1, far), (1, far), (1, near), (-1, near))]
        pen.polygon(corners, fill=colour)
    ground[:] = np.asarray(picture)


def _ramp_colours(scene: Scene) -> Sequence[Colour]:
    if scene.background in MATERIALS:
        return MATERIALS[scene.background]
    if scene.background in ONE_COLOUR:
        # a shade darker to a shade brighter, the colour itself in the middle
        red, green, blue = COLOURS[scene.detail[0]]
        return [(red + d, green + d, blue + d) for d in (-128, 127)]
    return [COLOURS[name] for name in scene.detail]


def _coloured(tone: NDArray[np.uint8], colours: Sequence[Colour], light: str) -> NDArray[np.uint8]:
    """0 becomes the first colour, 255 the last one, in the light."""
    stops = np.linspace(0, 255, len(colours))
    table = np.stack([np.interp(np.arange(256), stops, band) for band in np.array(colours, float).T], -1)
    return lit(table, light)[tone]
