"""A constellation: what was sent and what arrived, side by side."""

from __future__ import annotations

import io
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from common.sections import SECTIONS
from gvsc.evaluation.figures.base import FIGURES

Places = slice | NDArray[np.int64]

COLOURS = {"pilots": "#e6a000", "header": "#c2255c"}
"""Colours of what is no section; a section has its own, and any other name takes the next of ``MORE_COLOURS``."""

MORE_COLOURS = ("#7048e8", "#0c8599", "#d9480f", "#5c940d", "#862e9c")

BINS = 96
"""Cells along an axis that a point's density is counted in."""

ALPHAS = (0.06, 0.75)
"""Opacity of a point in the densest and in the emptiest places."""

FEW = 16
"""Up to so many different values, a section is drawn as an alphabet."""


@FIGURES.register("constellation", "symbols before and after the channel", of="symbols")
def constellation(
    before: NDArray[np.complex64],
    after: NDArray[np.complex64],
    snr_db: float,
    sections: Mapping[str, Places] | None = None,
    *,
    title: str = "",
) -> Image.Image:
    """The symbols before and after the channel as an RGB picture, 1400×760 pixels.

    ``before`` and ``after`` are 1-D complex, ``snr_db`` is Es/N0 in dB as it was set, ``sections`` names places in
    both (default: one of all). Both panels have the same axes. Where points are dense, each is more transparent, so
    that the shape of a cloud stays visible. Symbols that are not finite are left out and counted.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

    if sections is None:
        sections = {"symbols": slice(None)}
    colours = _colours(sections)
    limit = _limit(before, after)
    figure = Figure(figsize=(14, 7.6), dpi=100, facecolor="white")
    canvas = FigureCanvasAgg(figure)
    panels = figure.subplots(1, 2)
    # The largest section first, so that the few pilots and the header stay on top.
    order = sorted(sections, key=lambda name: -before[sections[name]].size)
    for axes, symbols, name in zip(panels, (before, after), ("before the channel", "after the channel"), strict=True):
        axes.axhline(0, color="#d5dae0", linewidth=0.8, zorder=0)
        axes.axvline(0, color="#d5dae0", linewidth=0.8, zorder=0)
        for rank, section in enumerate(order):
            part = symbols[sections[section]]
            part = part[np.isfinite(part)]
            if part.size == 0:
                continue
            points = np.unique(part)
            if points.size <= FEW:  # an alphabet without noise: rings, or one section would hide the others
                area, alpha = 24.0 * (len(order) - rank) ** 2, np.full(points.size, 0.95)
            else:
                points, alpha = part, _alpha(part, limit)
                area = 14.0 if part.size < 600 else 7.0
            axes.scatter(
                points.real, points.imag, s=area, c=colours[section], alpha=alpha, linewidths=0, zorder=1 + rank
            )
        finite = symbols[np.isfinite(symbols)].astype(np.complex128)
        lost = symbols.size - finite.size
        power = float(np.mean(np.abs(finite) ** 2)) if finite.size else 0.0
        subtitle = f"{symbols.size} symbols, mean power {power:.3f}" + (f", {lost} not finite" if lost else "")
        axes.set_title(f"{name}\n{subtitle}", fontsize=12, color="#181c22", linespacing=1.5)
        axes.set_xlim(-limit, limit)
        axes.set_ylim(-limit, limit)
        axes.set_aspect("equal")
        axes.set_xlabel("in phase", color="#68707a")
        axes.set_ylabel("quadrature", color="#68707a")
        axes.tick_params(colors="#68707a", labelsize=9)
        for spine in axes.spines.values():
            spine.set_color("#c3c9d1")
    heading = f"{title}: Es/N0 = {snr_db:g} dB" if title else f"Es/N0 = {snr_db:g} dB"
    figure.suptitle(heading, fontsize=15, fontweight="bold", color="#181c22")
    sizes = {name: before[part].size for name, part in sections.items()}
    handles = [
        Line2D(
            [],
            [],
            marker="o",
            linestyle="",
            markersize=8,
            color=colours[name],
            label=f"{name.replace('_', ' ')} ({size})",
        )
        for name, size in sizes.items()
    ]
    figure.legend(handles=handles, loc="lower center", ncols=min(len(handles), 6), frameon=False, fontsize=11)
    figure.subplots_adjust(left=0.055, right=0.985, top=0.85, bottom=0.135, wspace=0.14)
    buffer = io.BytesIO()
    canvas.print_png(buffer)
    return Image.open(buffer).convert("RGB")


def _colours(sections: Mapping[str, Places]) -> dict[str, str]:
    spare = iter(MORE_COLOURS * (len(sections) // len(MORE_COLOURS) + 1))
    own = {name: SECTIONS[name].colour for name in sections if name in SECTIONS}
    return {name: COLOURS.get(name) or own.get(name) or next(spare) for name in sections}


def _limit(before: NDArray[np.complex64], after: NDArray[np.complex64]) -> float:
    """Half the side of both panels: all but the rarest symbols are inside."""
    limit = 1.5
    for symbols in (before, after):
        finite = symbols[np.isfinite(symbols)]
        if finite.size:
            reach = np.maximum(np.abs(finite.real), np.abs(finite.imag))
            limit = max(limit, 1.08 * float(np.quantile(reach, 0.998)))
    return limit


def _alpha(symbols: NDArray[np.complex64], limit: float) -> NDArray[np.float64]:
    """Opacity of each point, falling with the square root of how many share its cell."""
    cell = np.clip(((np.stack([symbols.real, symbols.imag]) / limit + 1) * BINS / 2).astype(np.int64), 0, BINS - 1)
    index = cell[0] * BINS + cell[1]
    count = np.bincount(index, minlength=BINS * BINS)[index]
    return np.clip(ALPHAS[1] / np.sqrt(count), *ALPHAS)
