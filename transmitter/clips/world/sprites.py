"""Things that anybody recognises, drawn in few polygons. What can face somewhere faces right."""

from __future__ import annotations

import numpy as np

from transmitter.clips.world.parts import Part, arc, box, oval, part, stroke


def car() -> list[Part]:
    body = [(-1, 0.3), (-0.98, -0.02), (-0.66, -0.1), (-0.42, -0.5), (0.2, -0.5), (0.5, -0.08), (0.93, 0.02), (1, 0.3)]
    wheels = [oval(tone, x, 0.34, r) for x in (-0.54, 0.54) for tone, r in (("ink", 0.24), ("grey", 0.11))]
    return [
        part("main", *body),
        part("glass", (-0.5, -0.1), (-0.34, -0.4), (-0.1, -0.4), (-0.1, -0.1)),
        part("glass", (0.0, -0.1), (0.0, -0.4), (0.14, -0.4), (0.34, -0.1)),
        stroke("line", [(-0.05, -0.1), (-0.05, 0.26)], 0.035),
        box("dark", 0.04, 0.0, 0.16, 0.05, lined=False),
        oval("lamp", 0.9, 0.12, 0.07, 0.06),
        *wheels,
    ]


def fish() -> list[Part]:
    return [
        part("dark", (-0.5, 0), (-0.98, -0.46), (-0.82, 0), (-0.98, 0.46)),
        part("dark", (-0.2, -0.34), (0.02, -0.72), (0.42, -0.6), (0.45, -0.28)),
        part("dark", (-0.05, 0.3), (-0.2, 0.62), (0.28, 0.36)),
        oval("main", 0.15, 0, 0.8, 0.46),
        stroke("line", arc(0.18, 0, 0.2, 0.34, -60, 60), 0.04),
        stroke("dark", arc(-0.22, 0, 0.16, 0.24, -60, 60), 0.05),
        stroke("dark", arc(-0.46, 0, 0.12, 0.16, -60, 60), 0.05),
        oval("paper", 0.62, -0.1, 0.12),
        oval("ink", 0.65, -0.1, 0.055, lined=False),
        stroke("line", arc(0.84, 0.06, 0.16, 0.12, 60, 150), 0.04),
    ]


def tree() -> list[Part]:
    turns = np.linspace(0, 2 * np.pi, 72, endpoint=False)
    crown = np.stack([np.cos(turns), np.sin(turns)], -1) * (0.68 + 0.07 * np.cos(8 * turns + 0.6))[:, None] + (0, -0.3)
    return [
        part("brown", (-0.11, 0.2), (0.11, 0.2), (0.13, 0.85), (0.22, 1.0), (-0.22, 1.0), (-0.13, 0.85)),
        Part("main", crown),
        oval("light", -0.26, -0.58, 0.14, 0.1, lined=False),
        oval("dark", 0.3, 0.06, 0.16, 0.1, lined=False),
        oval("dark", -0.2, 0.02, 0.12, 0.08, lined=False),
        oval("light", 0.16, -0.42, 0.1, 0.07, lined=False),
    ]


def house() -> list[Part]:
    panes = [
        piece
        for x in (-0.44, 0.44)
        for piece in (
            box("glass", x - 0.16, 0.14, x + 0.16, 0.46),
            stroke("line", [(x, 0.14), (x, 0.46)], 0.035),
            stroke("line", [(x - 0.16, 0.3), (x + 0.16, 0.3)], 0.035),
        )
    ]
    return [
        box("smoke", 0.36, -0.78, 0.56, -0.3),
        box("main", -0.74, -0.12, 0.74, 0.85),
        part("dark", (-0.95, -0.08), (0, -0.85), (0.95, -0.08)),
        *panes,
        box("brown", -0.14, 0.36, 0.14, 0.85),
        oval("gold", 0.07, 0.62, 0.03, lined=False),
    ]


def bird() -> list[Part]:
    return [
        part("dark", (-0.35, 0.0), (-1, -0.16), (-0.86, 0.1), (-1, 0.32), (-0.35, 0.26)),
        part("gold", (0.72, -0.26), (1.02, -0.12), (0.72, -0.04)),
        Part("main", np.concatenate([arc(0.05, 0.12, 0.58, 0.32, 10, 262), arc(0.55, -0.14, 0.27, 0.27, -130, 60)])),
        part("dark", (0.22, 0.1), (0.12, -0.45), (-0.22, -0.85), (-0.5, -0.86), (-0.34, -0.42), (-0.3, 0.12)),
        stroke("line", [(-0.02, -0.42), (-0.12, 0.0)], 0.035),
        oval("paper", 0.6, -0.2, 0.085),
        oval("ink", 0.62, -0.2, 0.045, lined=False),
    ]


def boat() -> list[Part]:
    return [
        box("brown", -0.1, -0.92, -0.02, 0.34),
        part("gold", (-0.04, -0.98), (-0.32, -0.9), (-0.04, -0.8)),
        part("cream", (0.04, -0.82), (0.4, -0.4), (0.72, 0.16), (0.04, 0.16)),
        part("light", (-0.16, -0.62), (-0.16, 0.16), (-0.66, 0.16)),
        part("main", (-0.98, 0.3), (0.98, 0.3), (0.7, 0.76), (-0.7, 0.76)),
        stroke("accent", [(-0.84, 0.45), (0.86, 0.45)], 0.08),
    ]


def flower() -> list[Part]:
    petals = [oval("main", 0.4 * np.cos(t), -0.38 + 0.4 * np.sin(t), 0.24) for t in np.arange(6) * np.pi / 3 + 0.3]
    return [
        stroke("leaf", [(0, 0.0), (0.02, 0.5), (0, 1.0)], 0.09),
        part("leaf", (0.02, 0.78), (0.2, 0.46), (0.48, 0.4), (0.36, 0.64)),
        part("leaf", (0, 0.9), (-0.18, 0.58), (-0.46, 0.52), (-0.34, 0.76)),
        *petals,
        oval("gold", 0, -0.38, 0.24),
    ]


def cat() -> list[Part]:
    sides = (-1, 1)
    return [
        *(part("main", (s * 0.82, -0.96), (s * 0.8, 0.0), (s * 0.2, -0.5)) for s in sides),
        *(part("rose", (s * 0.74, -0.74), (s * 0.72, -0.2), (s * 0.4, -0.5), lined=False) for s in sides),
        oval("main", 0, 0.12, 0.84, 0.72),
        *(oval("paper", s * 0.34, -0.02, 0.19, 0.21) for s in sides),
        *(oval("ink", s * 0.32, 0.0, 0.08, 0.17, lined=False) for s in sides),
        part("rose", (-0.12, 0.26), (0.12, 0.26), (0, 0.4)),
        *(stroke("line", arc(s * 0.13, 0.42, 0.13, 0.13, 0, 180), 0.05) for s in sides),
        *(stroke("line", [(s * 0.42, 0.34 + d), (s * 0.98, 0.24 + 2.4 * d)], 0.04) for s in sides for d in (0, 0.1)),
    ]


def rocket() -> list[Part]:
    half = [(0.14, -0.82), (0.26, -0.5), (0.31, -0.1), (0.3, 0.3), (0.24, 0.56)]
    body = [(0.0, -1.0), *half, *((-x, y) for x, y in half[::-1])]
    return [
        part("flame", (-0.2, 0.5), (-0.17, 0.8), (0, 1.02), (0.17, 0.8), (0.2, 0.5)),
        part("gold", (-0.1, 0.5), (0, 0.84), (0.1, 0.5), lined=False),
        *(part("dark", (s * 0.26, 0.1), (s * 0.62, 0.5), (s * 0.62, 0.84), (s * 0.2, 0.56)) for s in (-1, 1)),
        part("main", *body),
        part("dark", (0.0, -1.0), (0.14, -0.82), (0.235, -0.58), (-0.235, -0.58), (-0.14, -0.82)),
        oval("glass", 0, -0.2, 0.15),
        stroke("accent", [(-0.28, 0.28), (0.28, 0.28)], 0.1),
    ]


def mushroom() -> list[Part]:
    cap = np.concatenate([arc(0, 0.08, 0.95, 0.9, 180, 360), arc(0, 0.08, 0.95, 0.2, 0, 180)])
    return [
        part("cream", (-0.24, 0.1), (-0.22, 0.5), (-0.32, 0.92), (0.32, 0.92), (0.22, 0.5), (0.24, 0.1)),
        Part("main", cap),
        oval("accent", -0.02, -0.52, 0.19, 0.15, lined=False),
        oval("accent", -0.52, -0.2, 0.15, 0.15, lined=False),
        oval("accent", 0.48, -0.24, 0.17, 0.16, lined=False),
        oval("accent", -0.06, -0.06, 0.14, 0.11, lined=False),
        oval("accent", 0.76, 0.05, 0.08, 0.09, lined=False),
    ]


def balloon() -> list[Part]:
    def envelope(width: float) -> list[tuple[float, float]]:
        upper = arc(0, -0.32, width, 0.68, 180, 360)
        return [*map(tuple, upper.tolist()), (width * 0.78, 0.08), (width * 0.28, 0.46), (-width * 0.28, 0.46),
                (-width * 0.78, 0.08)]  # fmt: skip

    return [
        *(stroke("ink", [(s * 0.17, 0.44), (s * 0.12, 0.76)], 0.035) for s in (-1, 1)),
        part("main", *envelope(0.7)),
        part("accent", *envelope(0.42)),
        part("main", *envelope(0.15)),
        box("brown", -0.16, 0.74, 0.16, 0.98),
    ]


def ball() -> list[Part]:
    wedges = [
        Part("accent", np.concatenate([[(0.0, 0.0)], arc(0, 0, 0.95, 0.95, start, start + 60)]))
        for start in (0, 120, 240)
    ]
    return [oval("main", 0, 0, 0.95), *wedges, oval("dark", 0, 0, 0.16)]
