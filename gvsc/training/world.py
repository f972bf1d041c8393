"""A rendered world: endless, seeded clips whose captions say exactly what is to be seen.

A scene is a background, up to two coloured shapes with a motion each, a camera and a light. It is
drawn twice over: as data (`Scene`), from which the caption follows, and as pixels. The backward flow
(where each place of a frame was in the first frame) is known exactly and comes with the clip, because
it teaches a generator motion far faster than pixels alone do.

Clip number i of a world depends on (seed, i) alone. The combinations in `HELD_OUT` never occur in the
training split and make up the whole of the held-out one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

SIZE = 256
FRAMES = 8
FLOW_GRID = 32
CANVAS = 512

COLOURS: dict[str, tuple[int, int, int]] = {
    "red": (214, 38, 38),
    "green": (44, 160, 60),
    "blue": (40, 80, 210),
    "yellow": (240, 214, 40),
    "orange": (244, 136, 28),
    "purple": (130, 48, 170),
    "pink": (244, 130, 180),
    "cyan": (50, 200, 214),
    "white": (244, 244, 244),
    "black": (20, 20, 24),
}
SHAPES = ("circle", "square", "triangle", "star", "cross", "heart")
MOTIONS = ("left", "right", "up", "down", "growing", "shrinking", "rotating", "still")
LIGHTS: dict[str, tuple[float, float, float]] = {
    "day": (1.0, 1.0, 1.0),
    "sunset": (1.0, 0.72, 0.5),
    "night": (0.34, 0.4, 0.62),
}
GROUNDS: dict[str, tuple[tuple[int, int, int], tuple[int, int, int]]] = {
    "green grass": ((120, 180, 240), (80, 150, 60)),
    "a sandy beach": ((140, 200, 245), (220, 195, 140)),
    "the blue sea": ((170, 210, 240), (30, 90, 150)),
    "white snow": ((150, 180, 215), (235, 240, 245)),
    "a grey road": ((165, 190, 215), (95, 95, 100)),
}
HELD_OUT: frozenset[tuple[str, str, str]] = frozenset(
    {
        ("red", "star", "left"),
        ("blue", "circle", "up"),
        ("green", "square", "right"),
        ("yellow", "triangle", "down"),
        ("purple", "heart", "left"),
        ("orange", "cross", "right"),
        ("pink", "circle", "growing"),
        ("white", "square", "rotating"),
        ("cyan", "star", "up"),
        ("black", "triangle", "right"),
    }
)
_DIRECTIONS = {"left": (-1.0, 0.0), "right": (1.0, 0.0), "up": (0.0, -1.0), "down": (0.0, 1.0)}


@dataclass(frozen=True)
class Photo:
    """A real photo to use as background: pixels uint8 (h, w, 3), both sides at least `SIZE`, and what it shows."""

    pixels: NDArray[np.uint8]
    caption: str


@dataclass(frozen=True)
class Shape:
    """One coloured shape: where it starts in the first frame (pixels), its radius, its motion in pixels a clip."""

    colour: str
    form: str
    motion: str
    x: float
    y: float
    radius: float
    amount: float
    angle: float


@dataclass(frozen=True)
class Scene:
    """What is to be seen. ``camera`` is left, right, up, down, in, out or still, ``reach`` its extent in pixels."""

    background: str
    detail: tuple[str, ...]
    shapes: tuple[Shape, ...]
    camera: str
    reach: float
    light: str


@dataclass(frozen=True)
class WorldClip:
    """video uint8 (8, 256, 256, 3); flow float32 (8, 32, 32, 2), pixels (x, y) to the place in the first frame."""

    video: NDArray[np.uint8]
    flow: NDArray[np.float32]
    caption: str
    scene: Scene


class World:
    """Clips by number. `photos` may be empty; then no scene has a photo behind it."""

    def __init__(self, seed: int, split: Literal["train", "held_out"] = "train", photos: Sequence[Photo] = ()) -> None:
        self.seed = seed
        self.split = split
        self.photos = tuple(photos)

    def __getitem__(self, number: int) -> WorldClip:
        rng = np.random.default_rng([self.seed, number, self.split == "held_out"])
        photo = self.photos[int(rng.integers(len(self.photos)))] if self.photos else None
        scene = draw_scene(rng, self.split, photo)
        caption = describe(scene, rng)
        video, flow = render(scene, rng, photo)
        return WorldClip(video, flow, caption, scene)


def draw_scene(rng: np.random.Generator, split: str, photo: Photo | None) -> Scene:
    """Draw one scene; with a photo at hand, four in ten have it as background, half of those without shapes."""
    kind = rng.random()
    detail: tuple[str, ...]
    if photo is not None and kind < 0.4:
        background, detail = "photo", (photo.caption,)
    elif kind < 0.6:
        background, detail = "plain", (_pick(rng, tuple(COLOURS)),)
    elif kind < 0.8:
        background, detail = "ground", (_pick(rng, tuple(GROUNDS)),)
    else:
        first, second = rng.choice(len(COLOURS), 2, replace=False)
        names = tuple(COLOURS)
        background, detail = _pick(rng, ("stripes", "checks", "clouds")), (names[first], names[second])
    bare = background == "photo" and split == "train" and rng.random() < 0.5
    count = 0 if bare else (2 if rng.random() < 0.25 else 1)
    camera = "still"
    if bare or rng.random() < 0.2:
        camera = _pick(rng, ("left", "right", "up", "down", "in", "out") + (("still",) if bare else ()))
    shapes: list[Shape] = []
    while len(shapes) < count:
        shape = _draw_shape(rng, split if not shapes else "train", camera)
        clash = shape.colour in detail or any(
            shape.colour == s.colour or np.hypot(shape.x - s.x, shape.y - s.y) < shape.radius + s.radius for s in shapes
        )
        if not clash:
            shapes.append(shape)
        elif split == "held_out" and not shapes:
            background, detail = "ground", (_pick(rng, tuple(GROUNDS)),)
    light = _pick(rng, ("day", "day", "day", "sunset", "night"))
    return Scene(background, detail, tuple(shapes), camera, float(rng.uniform(40, 120)), light)


def _draw_shape(rng: np.random.Generator, split: str, camera: str) -> Shape:
    held_out = sorted(HELD_OUT)
    while True:
        if split == "held_out":
            colour, form, motion = held_out[int(rng.integers(len(held_out)))]
        else:
            colour, form = _pick(rng, tuple(COLOURS)), _pick(rng, SHAPES)
            motion = _pick(rng, MOTIONS if camera == "still" else ("still",))
            if (colour, form, motion) in HELD_OUT:
                continue
        if form == "circle" and motion == "rotating":
            continue
        break
    radius = float(rng.uniform(26, 58))
    amount = float(rng.uniform(60, 130))
    x, y = rng.uniform(radius, SIZE - radius, 2)
    if motion in _DIRECTIONS:  # start where there is room to go
        dx, dy = _DIRECTIONS[motion]
        low, high = radius * 0.7, SIZE - radius * 0.7
        if dx:
            x = rng.uniform(low + amount, high) if dx < 0 else rng.uniform(low, high - amount)
        if dy:
            y = rng.uniform(low + amount, high) if dy < 0 else rng.uniform(low, high - amount)
    if motion == "growing":
        radius *= 0.6
    return Shape(colour, form, motion, float(x), float(y), radius, amount, float(rng.uniform(-0.25, 0.25)))


def describe(scene: Scene, rng: np.random.Generator) -> str:
    """An English caption of the scene; wording varies, facts do not."""
    parts = [_describe_shape(shape, rng) for shape in scene.shapes]
    what = " and ".join(parts)
    where = _describe_background(scene, rng)
    camera = _describe_camera(scene.camera, rng)
    light = {
        "day": _pick(rng, ("", "", "by day", "in daylight")),
        "sunset": _pick(rng, ("at sunset", "in the light of the sunset")),
        "night": _pick(rng, ("at night", "in the dark of night")),
    }[scene.light]
    if not what:
        if scene.camera == "still":
            head = _pick(rng, ("a still view of", "nothing moves in", "a quiet view of")) + f" {where}"
        else:
            head = f"{camera} {_pick(rng, ('over', 'across', 'along'))} {where}"
            if scene.camera in ("in", "out"):
                head = f"{camera} {'on' if scene.camera == 'in' else 'from'} {where}"
        return " ".join(f"{head} {light}".split())
    prefix = {"photo": "in front of", "ground": "above"}.get(scene.background, "on")
    text = f"{what} {prefix} {where} {light}"
    if scene.camera != "still":
        text += f", {camera}"
    return " ".join(text.split()).replace(" ,", ",")


def _describe_shape(shape: Shape, rng: np.random.Generator) -> str:
    size = "big " if shape.radius > 48 else "small " if shape.radius < 32 else ""
    size = size if rng.random() < 0.7 and shape.motion not in ("growing", "shrinking") else ""
    noun = f"a {size}{shape.colour} {shape.form}"
    if noun.startswith("a orange"):
        noun = "an" + noun[1:]
    if shape.motion in _DIRECTIONS:
        towards = {"up": ("up", "upwards"), "down": ("down", "downwards")}.get(
            shape.motion, (f"to the {shape.motion}", shape.motion)
        )
        verb = _pick(rng, ("moves", "slides", "glides", "moving", "drifts"))
        return f"{noun} {verb} {_pick(rng, towards)}"
    phrases = {
        "growing": ("grows", "gets bigger", "growing"),
        "shrinking": ("shrinks", "gets smaller", "shrinking"),
        "rotating": ("rotates", "turns around", "spins"),
        "still": ("stands still", "rests", ""),
    }[shape.motion]
    return f"{noun} {_pick(rng, phrases)}".strip()


def _describe_background(scene: Scene, rng: np.random.Generator) -> str:
    detail = scene.detail
    if scene.background in ("photo", "ground"):
        return detail[0]
    if scene.background == "plain":
        return f"a {_pick(rng, ('', 'plain '))}{detail[0]} background".replace("a orange", "an orange")
    if scene.background == "clouds":
        return f"{detail[0]} and {detail[1]} clouds"
    noun = {"stripes": "stripes", "checks": _pick(rng, ("checks", "a checkerboard"))}[scene.background]
    if noun == "a checkerboard":
        return f"a checkerboard of {detail[0]} and {detail[1]}"
    return f"{detail[0]} and {detail[1]} {noun}"


def _describe_camera(camera: str, rng: np.random.Generator) -> str:
    if camera in ("in", "out"):
        return f"the camera zooms {camera}"
    if camera == "still":
        return "the camera stands still"
    verb = _pick(rng, ("pans", "moves")) if camera in ("left", "right") else _pick(rng, ("tilts", "moves"))
    return f"the camera {verb} {camera}"


def render(
    scene: Scene, rng: np.random.Generator, photo: Photo | None
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Draw the scene: video uint8 (8, 256, 256, 3) and backward flow float32 (8, 32, 32, 2) in pixels."""
    canvas = _draw_background(scene, rng, photo)
    tint = np.array(LIGHTS[scene.light])
    canvas = Image.fromarray((np.asarray(canvas) * tint).astype(np.uint8))
    centres, scales = _camera_path(scene)
    video = np.empty((FRAMES, SIZE, SIZE, 3), np.uint8)
    flow = np.empty((FRAMES, FLOW_GRID, FLOW_GRID, 2), np.float32)
    step = SIZE / FLOW_GRID
    grid = np.stack(np.meshgrid(*[np.arange(FLOW_GRID) * step + step / 2] * 2), -1).astype(np.float64)
    backdrop = canvas
    for f in range(FRAMES):
        if f == 0 or scene.camera != "still":
            left, top = centres[f] - scales[f] * SIZE / 2
            affine = (scales[f], 0, left, 0, scales[f], top)
            backdrop = canvas.transform((SIZE, SIZE), Image.Transform.AFFINE, affine, Image.Resampling.BILINEAR)
        frame = backdrop.copy()
        here = centres[f] + scales[f] * (grid - SIZE / 2)
        source = (here - centres[0]) / scales[0] + SIZE / 2
        for shape in scene.shapes:
            pose_f, pose_0 = _pose(shape, f), _pose(shape, 0)
            centre, radius = _on_screen(pose_f, centres, scales, f)
            outline = _outline(shape.form, pose_f[3]) * radius
            colour = tuple(int(c) for c in np.array(COLOURS[shape.colour]) * tint)
            _paint(frame, outline + centre, colour)
            inside = np.hypot(*np.moveaxis(grid - centre, -1, 0)) < radius * 0.9
            turn = pose_0[3] - pose_f[3]
            cos, sin = np.cos(turn), np.sin(turn)
            relative = (grid - centre) * (pose_0[2] / radius)
            turned = np.stack([cos * relative[..., 0] - sin * relative[..., 1],
                               sin * relative[..., 0] + cos * relative[..., 1]], -1)  # fmt: skip
            source = np.where(inside[..., None], turned + np.array(pose_0[:2]), source)
        video[f] = np.asarray(frame)
        flow[f] = source - grid
    return video, flow


def labels(scene: Scene) -> NDArray[np.uint8]:
    """What each pixel of the video shows: uint8 (8, 256, 256), 0 the background, n the scene's n-th shape.

    A pixel belongs to the shape that covers at least half of it.
    """
    centres, scales = _camera_path(scene)
    made = np.zeros((FRAMES, SIZE, SIZE), np.uint8)
    for f in range(FRAMES):
        for number, shape in enumerate(scene.shapes, 1):
            pose = _pose(shape, f)
            centre, radius = _on_screen(pose, centres, scales, f)
            covered = Image.new("L", (SIZE, SIZE))
            _paint(covered, _outline(shape.form, pose[3]) * radius + centre, (255,))
            made[f][np.asarray(covered) >= 128] = number
    return made


def _on_screen(
    pose: tuple[float, float, float, float], centres: NDArray[np.float64], scales: NDArray[np.float64], f: int
) -> tuple[NDArray[np.float64], float]:
    """A shape's centre (2,) and radius in frame f: it lives on the canvas, the first frame's screen."""
    on_canvas = centres[0] + scales[0] * (np.array(pose[:2]) - SIZE / 2)
    return (on_canvas - centres[f]) / scales[f] + SIZE / 2, float(pose[2] * scales[0] / scales[f])


def _camera_path(scene: Scene) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Centres (8, 2) on the canvas and scales (8,), canvas pixels a screen pixel."""
    progress = np.linspace(0.0, 1.0, FRAMES)
    centres = np.full((FRAMES, 2), CANVAS / 2.0)
    scales = np.ones(FRAMES)
    if scene.camera in _DIRECTIONS:
        centres = centres + np.outer(progress - 0.5, _DIRECTIONS[scene.camera]) * scene.reach
    elif scene.camera == "in":
        scales = (1.0 + scene.reach / 200.0) ** (1.0 - progress)
    elif scene.camera == "out":
        scales = (1.0 + scene.reach / 200.0) ** progress
    return centres, scales


def _pose(shape: Shape, f: int) -> tuple[float, float, float, float]:
    """(x, y, radius, angle) of the shape in frame f, on the first frame's screen."""
    progress = f / (FRAMES - 1)
    dx, dy = _DIRECTIONS.get(shape.motion, (0.0, 0.0))
    radius = shape.radius
    if shape.motion == "growing":
        radius *= 1.0 + progress * (0.6 + shape.amount / 130.0)
    elif shape.motion == "shrinking":
        radius *= 1.0 - progress * (0.3 + shape.amount / 400.0)
    angle = shape.angle + (progress * shape.amount / 60.0 if shape.motion == "rotating" else 0.0)
    return shape.x + dx * shape.amount * progress, shape.y + dy * shape.amount * progress, radius, angle


def _outline(form: str, angle: float) -> NDArray[np.float64]:
    """Corners (n, 2) of a shape of radius one, turned by `angle` radians."""
    if form == "circle":
        turns = np.linspace(0, 2 * np.pi, 40, endpoint=False)
        points = np.stack([np.cos(turns), np.sin(turns)], -1)
    elif form == "square":
        points = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)]) * 0.85
    elif form == "triangle":
        points = np.array([(0, -1), (0.95, 0.8), (-0.95, 0.8)])
    elif form == "star":
        turns = np.arange(10) * np.pi / 5 - np.pi / 2
        points = np.stack([np.cos(turns), np.sin(turns)], -1) * np.where(np.arange(10) % 2, 0.42, 1.05)[:, None]
    elif form == "cross":
        a, b = 0.95, 0.33
        corners = [(-b, -a), (b, -a), (b, -b), (a, -b), (a, b), (b, b),
                   (b, a), (-b, a), (-b, b), (-a, b), (-a, -b), (-b, -b)]  # fmt: skip
        points = np.array(corners)
    else:  # heart
        turns = np.linspace(0, 2 * np.pi, 40, endpoint=False)
        x = 16 * np.sin(turns) ** 3
        y = -(13 * np.cos(turns) - 5 * np.cos(2 * turns) - 2 * np.cos(3 * turns) - np.cos(4 * turns))
        points = np.stack([x, y], -1) / 17.0
    cos, sin = np.cos(angle), np.sin(angle)
    return np.asarray(points @ np.array([[cos, sin], [-sin, cos]]), np.float64)


def _paint(frame: Image.Image, corners: NDArray[np.float64], colour: tuple[int, ...]) -> None:
    """Fill a polygon with smooth edges: drawn at three times the size inside its box only."""
    low = np.floor(corners.min(0)).astype(int) - 1
    high = np.ceil(corners.max(0)).astype(int) + 2
    width, height = (int(v) for v in high - low)
    mask = Image.new("L", (width * 3, height * 3), 0)
    ImageDraw.Draw(mask).polygon([tuple(p) for p in (corners - low) * 3.0], fill=255)
    frame.paste(colour, (int(low[0]), int(low[1])), mask.reduce(3))


def _draw_background(scene: Scene, rng: np.random.Generator, photo: Photo | None) -> Image.Image:
    """The canvas (512, 512) that the camera looks at; its middle 256 by 256 is the still view."""
    if scene.background == "photo" and photo is not None:
        return _photo_canvas(photo, rng)
    ramp = np.linspace(-1.0, 1.0, CANVAS)
    if scene.background == "plain":
        base = np.array(COLOURS[scene.detail[0]], float)
        slope = rng.uniform(-28, 28, 2)
        image = base + (slope[0] * ramp[None, :, None] + slope[1] * ramp[:, None, None])
    elif scene.background == "ground":
        sky, ground = (np.array(c, float) for c in GROUNDS[scene.detail[0]])
        horizon = CANVAS / 2 + rng.uniform(-20, 60)
        rows = np.arange(CANVAS)[:, None, None]
        image = np.where(rows < horizon, sky + (rows - horizon) * -0.12, ground + (rows - horizon) * 0.1)
        image = image + np.where(rows < horizon, 4.0, 14.0) * _clouds(rng, 32)[..., None]
    else:
        one, two = (np.array(COLOURS[name], float) for name in scene.detail)
        size = int(rng.integers(28, 64))
        rows, columns = np.indices((CANVAS, CANVAS)) // size
        if scene.background == "stripes":
            mix = (rows % 2 if rng.random() < 0.5 else columns % 2).astype(float)
        elif scene.background == "checks":
            mix = ((rows + columns) % 2).astype(float)
        else:
            mix = np.clip(0.5 + 0.9 * _clouds(rng, 8), 0, 1)
        image = one + (two - one) * mix[..., None]
    return Image.fromarray(np.broadcast_to(np.clip(image, 0, 255), (CANVAS, CANVAS, 3)).astype(np.uint8))


def _photo_canvas(photo: Photo, rng: np.random.Generator) -> Image.Image:
    height, width = photo.pixels.shape[:2]
    side = int(rng.uniform(min(height, width, 300), min(height, width)))
    top, left = int(rng.integers(height - side + 1)), int(rng.integers(width - side + 1))
    crop = Image.fromarray(photo.pixels[top : top + side, left : left + side])
    return crop.resize((CANVAS, CANVAS), Image.Resampling.BILINEAR)


def _clouds(rng: np.random.Generator, cells: int) -> NDArray[np.float64]:
    """Smooth noise (512, 512), roughly in [-1, 1]."""
    noise = Image.fromarray(rng.standard_normal((cells, cells)).astype(np.float32))
    return np.asarray(noise.resize((CANVAS, CANVAS), Image.Resampling.BICUBIC), np.float64) * 0.7


def _pick(rng: np.random.Generator, options: tuple[str, ...]) -> str:
    return options[int(rng.integers(len(options)))]
