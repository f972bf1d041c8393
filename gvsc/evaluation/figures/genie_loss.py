"""What estimating costs: descriptions lost and picture quality, with the receiver's own noise estimate or a genie's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from PIL import Image

from gvsc.evaluation.figures.base import FIGURES
from gvsc.evaluation.metrics import METRICS

COLOURS = ("#1f77c9", "#c2255c", "#2f9e44")


@FIGURES.register("genie_loss", "what estimating the noise costs, against a genie", of="bench genie")
def genie_loss(result: Mapping[str, Any]) -> Image.Image:
    """What ``gvsc bench genie`` measured, as an RGB picture 1500 pixels wide.

    Left: descriptions lost, with Wilson intervals (95 %); right: a metric of the received frame. A full line is the
    receiver on its own, a dashed one the receiver with a genie; a colour is a channel model.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(15, 5), dpi=100, facecolor="white", layout="constrained")
    canvas = FigureCanvasAgg(figure)
    lost, quality = figure.subplots(1, 2)
    metric = next(
        metric for metric in METRICS.metrics("clip") if metric.name in result["curves"][0]["points"][0]["genie"]
    )
    for colour, curve in zip(COLOURS, result["curves"], strict=False):
        snr_db = np.array([point["snr_db"] for point in curve["points"]])
        for kind, style, marker, shift in (("estimated", "-", "o", -0.06), ("genie", "--", "x", 0.06)):
            found = [point[kind] for point in curve["points"]]
            rate = np.array([point["text_lost"] for point in found])
            ends = np.array([point["interval"] for point in found]).T
            look = {"color": colour, "linestyle": style, "marker": marker, "markersize": 5, "linewidth": 1.5}
            about = f"{curve['model']}, {'own estimate' if kind == 'estimated' else 'genie'}"
            # a little apart, so that bars of equal results are both seen
            bars = np.abs(ends - rate)
            lost.errorbar(snr_db + shift, rate, bars, capsize=2, elinewidth=0.8, label=about, **look)
            values = np.array([np.nan if point[metric.name] is None else point[metric.name] for point in found])
            quality.plot(snr_db + shift, values, label=about, **look)
    lost.set(ylabel="descriptions lost", ylim=(-0.03, 1.03))
    quality.set(ylabel=f"received frame: {metric.axis}")
    for panel in (lost, quality):
        panel.set_xlabel("Es/N0 in dB")
        panel.grid(color="#dddddd", linewidth=0.6)
        panel.legend(fontsize=9, frameon=False)
    figure.suptitle(
        f"Own noise estimate against a genie's, {result['scheme']}, description at rate {result['text_mode']}"
    )
    canvas.draw()
    return Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")
