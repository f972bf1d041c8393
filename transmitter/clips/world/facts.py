"""What a judge may ask for about a scene, in plain types."""

from __future__ import annotations

from typing import Any

from transmitter.clips.world.motion import overlapping
from transmitter.clips.world.scene import Scene


def facts(scene: Scene) -> dict[str, Any]:
    """Objects (colour, kind, motion, speed, size), background, camera, its speed, and light by name.

    ``in_front`` is the index of the object that covers another one somewhere in the clip, None where none does.
    """
    return {
        "objects": [
            {"colour": s.colour, "kind": s.form, "motion": s.motion, "speed": s.speed, "size": s.size}
            for s in scene.shapes
        ],
        "in_front": len(scene.shapes) - 1 if overlapping(scene.shapes) else None,
        "background": scene.background,
        "background_detail": list(scene.detail),
        "camera": scene.camera,
        "camera_speed": scene.speed,
        "light": scene.light,
    }
