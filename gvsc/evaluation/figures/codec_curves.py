"""Quality of pictures against the SNR: a codec and what it is held against, in as many symbols."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from PIL import Image

from gvsc.evaluation.figures.base import FIGURES
from gvsc.evaluation.metrics import METRICS

OPPONENTS: Final = {
    "h265_adaptive": ("H.265 intra + LDPC, adaptive", "#e6a000", "s", "-"),
    "h265_fixed": ("H.265 intra + LDPC, 4-QAM 1/2", "#c2255c", "x", "--"),
    "bilevel_adaptive": ("small bilevel picture + LDPC, adaptive", "#7048e8", "^", "-"),
    "bilevel_packed_adaptive": ("the same, entropy-coded", "#2f9e44", "v", "-"),
    "linear": ("linear code", "#868e96", "d", "-"),
}
"""Keys of ``gvsc bench codec``: what they mean, colour, marker, line."""


@FIGURES.register("codec_curves", "a codec and its baselines in as many symbols, over Es/N0", of="bench codec")
def codec_curves(result: Mapping[str, Any]) -> Image.Image:
    """What ``gvsc bench codec`` measured, as an RGB picture 1500 pixels wide: a panel for each metric, over Es/N0."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    panels = [metric for metric, values in result.items() if metric in METRICS and values is not None]
    columns = 2 if len(panels) == 4 else len(panels)
    rows = -(-len(panels) // columns)
    figure = Figure(figsize=(15, 1.0 + 4.3 * rows), dpi=100, facecolor="white", layout="constrained")
    canvas = FigureCanvasAgg(figure)
    every = [(result, result["codec"], "#1f77c9", "o", "-")]
    every += [(result[who], *look) for who, look in OPPONENTS.items() if who in result]
    for axes, metric in zip(figure.subplots(rows, columns, squeeze=False).flat, panels, strict=True):
        for part, label, colour, marker, line in every:
            if part.get(metric) is not None:
                width = 2.0 if part is result else 1.4
                look = {"color": colour, "marker": marker, "linestyle": line, "markersize": 5, "linewidth": width}
                axes.plot(result["snr_db"], part[metric], label=label, **look)
        axes.set(xlabel="Es/N0 in dB", ylabel=METRICS.metric(metric).axis)
        axes.grid(color="#dddddd", linewidth=0.6)
        axes.set_axisbelow(True)
    handles, labels = [], []
    for axes in figure.axes:  # no panel has them all
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):
            if label not in labels:
                handles.append(handle)
                labels.append(label)
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels), fontsize=10, frameon=False)
    known = "SNR estimated by the receiver" if result["snr"] == "estimated" else "SNR known"
    figure.suptitle(
        f"{result['codec']}, {result['symbols']} symbols, {result['pictures']} pictures, {known}", fontsize=14
    )
    canvas.draw()
    return Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")
