"""What a rebuilt clip loses with its text, its pictures, or to their noise, over Es/N0."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from PIL import Image

from gvsc.evaluation.figures.base import FIGURES
from gvsc.evaluation.metrics import METRICS

LOOKS: Final = {
    "all": ("all arrived", "#1f77c9", "o", "-", 2.0),
    "genie": ("all arrived, SNR known", "#7048e8", "x", ":", 1.4),
    "text_lost": ("text lost", "#e6a000", "s", "-", 1.4),
    "visuals_lost": ("pictures lost", "#c2255c", "^", "-", 1.4),
    "clean": ("all as extracted", "#2f9e44", "", "--", 1.4),
    "held": ("pictures as they arrived, nothing generated", "#868e96", "d", "-", 1.4),
}
"""Variants of ``gvsc bench ablation``: what they mean, colour, marker, line and its width."""


@FIGURES.register("ablation", "what a rebuilt clip owes to what arrived, over Es/N0", of="bench ablation")
def ablation(result: Mapping[str, Any]) -> Image.Image:
    """What ``gvsc bench ablation`` measured, as an RGB picture 1500 pixels wide.

    A row for each scheme; for each set of clips a column for each metric in ``result["panels"]``, or for all that were
    measured. Bars are standard errors over the clips.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    metrics = result.get("panels", result["metrics"])
    columns = [(name, metric) for name in result["sets"] for metric in metrics]
    schemes = list(next(iter(result["sets"].values()))["schemes"])
    figure = Figure(figsize=(15, 1.2 + 3.2 * len(schemes)), dpi=100, facecolor="white", layout="constrained")
    canvas = FigureCanvasAgg(figure)
    panels = figure.subplots(len(schemes), len(columns), squeeze=False)
    for row, scheme in zip(panels, schemes, strict=True):
        for axes, (name, metric) in zip(row, columns, strict=True):
            part = result["sets"][name]
            variants = part["schemes"][scheme]["variants"]
            for variant, (label, colour, marker, line, width) in LOOKS.items():
                values, errors = (_numbers(variants[variant][key]) for key in (metric, f"{metric}_error"))
                look = {"color": colour, "marker": marker, "linestyle": line, "linewidth": width, "markersize": 5}
                axes.errorbar(result["snr_db"], values, errors, capsize=2, elinewidth=0.7, label=label, **look)
            axes.set_title(f"{scheme}: {name}, {len(part['clips'])} clips", fontsize=10)
            axes.set(xlabel="Es/N0 in dB", ylabel=METRICS.metric(metric).axis.replace(" (", "\n("))
            axes.grid(color="#dddddd", linewidth=0.6)
            axes.set_axisbelow(True)
    handles, labels = panels[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3, fontsize=10, frameon=False)
    generators = ", ".join(sorted({*result["generators"].values()}))
    figure.suptitle(f"Rebuilt by {generators} from what arrived, or from a part of it", fontsize=14)
    canvas.draw()
    return Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")


def _numbers(values: list[float | None]) -> list[float]:
    return [float("nan") if value is None else value for value in values]
