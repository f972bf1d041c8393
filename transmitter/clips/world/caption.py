"""A scene in plain English. Wording varies, facts do not."""

from __future__ import annotations

import numpy as np

from transmitter.clips.world.kinds import KINDS, SHAPES
from transmitter.clips.world.motion import overlapping
from transmitter.clips.world.scene import DIRECTIONS, Scene, Shape

_MATERIALS: dict[str, tuple[str, ...]] = {
    "wood": ("wooden planks", "a wooden board", "brown wood"),
    "marble": ("white marble", "a slab of marble"),
    "bricks": ("a brick wall", "a wall of red bricks"),
    "grass": ("a lawn", "grass seen from above"),
    "sand": ("rippled sand", "sand"),
    "water": ("rippling water", "blue water"),
}
_TWO_COLOURS: dict[str, tuple[str, ...]] = {
    "gradient": ("a gradient from {0} to {1}", "a background that turns from {0} to {1}"),
    "stripes": ("{0} and {1} stripes", "stripes of {0} and {1}"),
    "checks": ("{0} and {1} checks", "a checkerboard of {0} and {1}"),
    "dots": ("{1} dots on {0}", "a {0} background with {1} dots"),
    "zigzag": ("{0} and {1} zigzag lines", "a zigzag pattern of {0} and {1}"),
    "clouds": ("{0} and {1} clouds", "clouds of {0} and {1}"),
}
_CHANGES: dict[str, tuple[tuple[str, str], ...]] = {
    "growing": (("grows", "growing"), ("gets bigger", "getting bigger"), ("becomes larger", "becoming larger")),
    "shrinking": (
        ("shrinks", "shrinking"),
        ("gets smaller", "getting smaller"),
        ("becomes smaller", "becoming smaller"),
    ),
    "rotating": (("rotates", "rotating"), ("turns around", "turning around"), ("spins", "spinning")),
    "bouncing": (("bounces", "bouncing"), ("bounces up and down", "bouncing up and down")),
    "still": (("stands still", "standing still"), ("rests", "resting"), ("stays where it is", "staying where it is")),
}
_LIGHTS: dict[str, tuple[str, ...]] = {
    "day": ("", "", "", "by day", "in daylight"),
    "sunset": ("at sunset", "in the light of the sunset", "as the sun sets"),
    "night": ("at night", "in the dark of night", "by night"),
}


def describe(scene: Scene, rng: np.random.Generator) -> str:
    """One sentence without a full stop. Where objects overlap, it says which is in front."""
    where, light = _background(scene, rng), _pick(rng, _LIGHTS[scene.light])
    if scene.background == "photo" and scene.light == "day":
        light = ""  # it shows the photo's own light
    if not scene.shapes:
        return _join(_empty(scene, where, rng), light)
    style = rng.random()
    gerund = style >= 0.55
    phrases = [_object(shape, rng, gerund, alone=len(scene.shapes) == 1) for shape in scene.shapes]
    if overlapping(scene.shapes):
        # the last one is drawn last
        what = f"{phrases[-1]} in front of {_article(_noun(scene.shapes[0], rng))}{_trail(scene.shapes[0], rng)},"
    else:
        what = " and ".join(phrases)
    camera = "" if scene.camera == "still" else _camera(scene, rng)
    place = f"{_preposition(scene, rng)} {where}"
    if light and 0.4 <= style < 0.55:
        text = _join(f"{light}, {what}", place)
    elif camera and style >= 0.8:
        return _join(f"{camera} with {what}", place, light)
    else:
        text = _join(what, place, light)
    return f"{text}, {camera}" if camera else text


def _object(shape: Shape, rng: np.random.Generator, gerund: bool, *, alone: bool) -> str:
    noun = _article(_noun(shape, rng))
    verbs = _verbs(shape, rng)
    if alone and shape.motion == "still" and rng.random() < 0.3:
        return noun
    return f"{noun} {verbs[1 if gerund else 0]}"


def _trail(shape: Shape, rng: np.random.Generator) -> str:
    """What the object behind does, as a clause."""
    return "" if shape.motion == "still" and rng.random() < 0.5 else f" that {_verbs(shape, rng)[0]}"


def _noun(shape: Shape, rng: np.random.Generator) -> str:
    size = {"big": ("big", "large"), "small": ("small", "little"), "medium": ("",)}[shape.size]
    if shape.motion in ("growing", "shrinking") or rng.random() < 0.3:
        size = ("",)
    return _join(_pick(rng, size), shape.colour, KINDS[shape.form].noun or shape.form)


def _verbs(shape: Shape, rng: np.random.Generator) -> tuple[str, str]:
    """The predicate in the third person, and as a participle."""
    how = _how(shape.speed, rng) if shape.motion != "bouncing" else ""
    if shape.motion not in DIRECTIONS:
        third, participle = _CHANGES[shape.motion][int(rng.integers(len(_CHANGES[shape.motion])))]
        return _join(third, how), _join(participle, how)
    verbs = ("roll",) if shape.form == "ball" and shape.motion in ("left", "right") else KINDS[shape.form].verbs
    verb = _pick(rng, verbs)
    if shape.motion in ("up", "down"):
        towards = _pick(rng, (shape.motion, f"{shape.motion}wards"))
    else:
        towards = _pick(rng, (f"to the {shape.motion}", shape.motion, f"from {_other(shape.motion)} to {shape.motion}"))
    return _join(_third(verb), how, towards), _join(_participle(verb), how, towards)


def _how(speed: str, rng: np.random.Generator) -> str:
    """An adverb of the speed. The fast and the slow are always told, so that what a clip shows can be known."""
    return _pick(rng, {"slow": ("slowly",), "fast": ("quickly", "fast")}.get(speed, ("",)))


def _background(scene: Scene, rng: np.random.Generator) -> str:
    if scene.background in ("photo", "ground"):
        return scene.detail[0]
    if scene.background == "plain":
        return _article(_join(_pick(rng, ("", "plain")), scene.detail[0], "background"))
    if scene.background in _MATERIALS:
        return _pick(rng, _MATERIALS[scene.background])
    return _pick(rng, _TWO_COLOURS[scene.background]).format(*scene.detail).replace("a orange", "an orange")


def _preposition(scene: Scene, rng: np.random.Generator) -> str:
    if scene.background == "photo" or scene.background == "bricks":
        return "in front of"
    kinds = [KINDS[shape.form] for shape in scene.shapes]
    if scene.background == "ground":
        if all(kind.where == "swims" for kind in kinds):
            return "in"
        if all(kind.where in ("stands", "floats") for kind in kinds):
            return "on"
        return "above" if all(kind.where == "flies" for kind in kinds) else _pick(rng, ("in front of", "over"))
    if all(shape.form in SHAPES for shape in scene.shapes):
        return _pick(rng, ("on", "on", "in front of"))
    return _pick(rng, ("on", "in front of", "against"))


def _camera(scene: Scene, rng: np.random.Generator) -> str:
    how = _how(scene.speed, rng)
    if scene.camera in ("in", "out"):
        return _join("the camera zooms", how, scene.camera)
    verbs = ("pans", "moves") if scene.camera in ("left", "right") else ("tilts", "moves")
    return _join("the camera", _pick(rng, verbs), how, scene.camera)


def _empty(scene: Scene, where: str, rng: np.random.Generator) -> str:
    if scene.camera == "still":
        return f"{_pick(rng, ('a still view of', 'nothing moves in', 'a quiet view of'))} {where}"
    link = {"in": ("on",), "out": ("from",)}.get(scene.camera, ("over", "across", "along"))
    return f"{_camera(scene, rng)} {_pick(rng, link)} {where}"


def _article(noun: str) -> str:
    return f"{'an' if noun.startswith('orange') else 'a'} {noun}"


def _other(direction: str) -> str:
    return {"left": "right", "right": "left"}[direction]


def _third(verb: str) -> str:
    return f"{verb[:-1]}ies" if verb == "fly" else f"{verb}s"


def _participle(verb: str) -> str:
    return "swimming" if verb == "swim" else f"{verb.removesuffix('e')}ing"


def _join(*words: str) -> str:
    return " ".join(word for word in words if word)


def _pick(rng: np.random.Generator, options: tuple[str, ...]) -> str:
    return options[int(rng.integers(len(options)))]
