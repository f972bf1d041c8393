"""A constellation in a terminal: density in characters."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gvsc.evaluation.figures.base import FIGURES

SHADES = "·░▒▓█"
"""From few symbols in a cell to many."""


@FIGURES.register("terminal_constellation", "symbols as density in characters", of="text")
def terminal_constellation(symbols: NDArray[np.complex64], width: int = 41, height: int = 21) -> str:
    """The density of 1-D complex symbols as ``height + 2`` lines of ``width + 2`` characters, with frame and axes.

    In phase runs to the right, quadrature up. A cell is about twice as high as wide, so a width of about twice the
    height has equal axes. Shades step with the logarithm of the count. The last line tells the half side of the square
    shown, which holds all but the rarest symbols; those beyond are left out.
    """
    width, height = max(width, 11), max(height, 5)
    finite = symbols[np.isfinite(symbols)].astype(np.complex128)
    reach = np.maximum(np.abs(finite.real), np.abs(finite.imag))
    limit = max(1.5, 1.05 * float(np.quantile(reach, 0.995))) if finite.size else 1.5
    square = ((-limit, limit), (-limit, limit))
    counts = np.histogram2d(-finite.imag, finite.real, bins=(height, width), range=square)[0]
    most = counts.max()
    shade = np.zeros(counts.shape, dtype=np.int64)
    if most > 1:
        shade = np.floor(np.log(np.maximum(counts, 1)) / np.log(most) * (len(SHADES) - 1) + 0.5).astype(np.int64)
    lines = []
    for row in range(height):
        line = ""
        for column in range(width):
            if counts[row, column] > 0:
                line += SHADES[shade[row, column]]
            elif row == height // 2:
                line += "┼" if column == width // 2 else "─"
            else:
                line += "│" if column == width // 2 else " "
        lines.append(f"│{line}│")
    scale = f" ±{limit:.2g} "
    bottom = "─" * (width - len(scale) - 1) + scale + "─"
    return "\n".join(["┌" + "─" * width + "┐", *lines, "└" + bottom + "┘"])
