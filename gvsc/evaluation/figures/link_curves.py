"""Error rates of the link against Es/N0 and Eb/N0, with their intervals and the normal approximation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from PIL import Image

from gvsc.evaluation.figures.base import FIGURES

LEAST_RATE = 1e-5
"""Bottom of the axes of error rates."""

_FAMILIES = {2: "Blues", 4: "Oranges", 6: "Greens"}
_PALETTE = (
    "#1f77c9",
    "#e6a000",
    "#2f9e44",
    "#c2255c",
    "#7048e8",
    "#0c8599",
    "#d9480f",
    "#5c940d",
    "#862e9c",
    "#495057",
)
_GREY = "#868e96"


@FIGURES.register("link_curves", "error rates of the link over Es/N0 and Eb/N0", of="bench link")
def link_curves(result: Mapping[str, Any]) -> Image.Image:
    """The curves that ``gvsc bench link`` measured, as an RGB picture, 1500 pixels wide.

    Columns: Es/N0 and Eb/N0. Rows: block error rate, with the normal approximation dashed, and bit error rate where it
    was measured. Bars are Wilson intervals, 95 %; a triangle is the upper end of one where no error was seen; a
    cross is the rate of wrong blocks that passed for right. Curves that count those have one row, against Es/N0 alone.
    """
    curves = [curve for curve in result["curves"] if any("bler" in point for point in curve["points"])]
    if not curves:
        raise ValueError("there is no finished point to draw")
    if curves[0]["counts"] == "undetected":
        rows, columns = [("undetected", "undetected errors a block")], ["snr_db"]
    else:
        rows = [("bler", "block error rate")]
        if any("ber" in point for curve in curves for point in curve["points"]):
            rows.append(("ber", "bit error rate"))
        columns = ["snr_db", "ebno_db"]
    return _drawn(result["title"], curves, rows, columns)


def _drawn(
    title: str, curves: Sequence[Mapping[str, Any]], rows: Sequence[tuple[str, str]], columns: Sequence[str]
) -> Image.Image:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

    figure = Figure(figsize=(15, 1.4 + 4.8 * len(rows)), dpi=100, facecolor="white", layout="constrained")
    canvas = FigureCanvasAgg(figure)
    panels = figure.subplots(len(rows), len(columns), squeeze=False, sharey="row", sharex="col")
    colours = _colours(curves)
    for (quantity, label), line in zip(rows, panels, strict=True):
        for axis, axes in zip(columns, line, strict=True):
            for curve, colour in zip(curves, colours, strict=True):
                _curve(axes, curve, quantity, axis, colour)
            axes.set_yscale("log")
            axes.set_ylim(LEAST_RATE, 1.4)
            axes.grid(which="major", color="#d5dae0", linewidth=0.8)
            axes.grid(which="minor", color="#eef0f3", linewidth=0.6)
            axes.set_axisbelow(True)
        line[0].set_ylabel(label)
    for axis, axes in zip(columns, panels[-1], strict=True):
        axes.set_xlabel("Es/N0 in dB (complex symbol)" if axis == "snr_db" else "Eb/N0 in dB (information bit)")
    handles = [
        Line2D([], [], color=colour, marker="o", markersize=4, label=f"{curve['name']}  ({_size(curve)})")
        for curve, colour in zip(curves, colours, strict=True)
    ]
    if any(curve["bound"] for curve in curves) and rows[0][0] == "bler":
        handles.append(Line2D([], [], color=_GREY, linestyle="--", linewidth=1.2, label="normal approximation"))
    handles.append(Line2D([], [], color=_GREY, marker="v", linestyle="", label="no error seen: upper end of interval"))
    if rows[0][0] == "bler":
        handles.append(Line2D([], [], color=_GREY, marker="x", linestyle="", label="undetected errors a block"))
    figure.suptitle(title, fontsize=15)
    figure.legend(
        handles=handles,
        loc="outside lower center",
        ncols=4 if max(len(str(handle.get_label())) for handle in handles) < 52 else 3,
        fontsize=9,
        frameon=False,
    )
    canvas.draw()
    pixels = np.asarray(canvas.buffer_rgba())
    return Image.fromarray(pixels).convert("RGB")


def _curve(axes: Any, curve: Mapping[str, Any], quantity: str, axis: str, colour: str) -> None:
    points = [point for point in curve["points"] if quantity in point]
    seen = [point for point in points if point[quantity] > 0.0]
    unseen = [point for point in points if point[quantity] == 0.0 and quantity != "ber"]
    if seen:
        rates = np.array([point[quantity] for point in seen])
        ends = np.array([point[f"{quantity}_interval"] for point in seen])
        spread = np.clip([rates - ends[:, 0], ends[:, 1] - rates], 0.0, None)
        axes.errorbar(
            [point[axis] for point in seen],
            rates,
            yerr=spread,
            color=colour,
            marker="o",
            markersize=3.5,
            linewidth=1.4,
            elinewidth=1.0,
            capsize=2,
        )
    if unseen:
        axes.plot(
            [point[axis] for point in unseen],
            [point[f"{quantity}_interval"][1] for point in unseen],
            color=colour,
            marker="v",
            linestyle="",
        )
    passed = [point for point in points if quantity == "bler" and point["undetected"] > 0.0]
    if passed:
        axes.plot(
            [point[axis] for point in passed],
            [point["undetected"] for point in passed],
            color=colour,
            marker="x",
            linestyle="",
        )
    if quantity == "bler" and curve["bound"]:
        shift = points[0]["ebno_db"] - points[0]["snr_db"] if axis == "ebno_db" else 0.0
        line = np.array(curve["bound"])
        axes.plot(line[:, 0] + shift, line[:, 1], color=colour, linestyle="--", linewidth=1.1, alpha=0.8)


def _size(curve: Mapping[str, Any]) -> str:
    return f"{curve['information_bits']} bits, {curve['symbols']} symbols"


def _colours(curves: Sequence[Mapping[str, Any]]) -> list[str]:
    """A family of shades for each constellation where there are several, else one colour after the other."""
    from matplotlib import colormaps
    from matplotlib.colors import to_hex

    orders = [curve["bits_per_symbol"] for curve in curves]
    if len(set(orders)) == 1:
        return [_PALETTE[index % len(_PALETTE)] for index in range(len(curves))]
    colours = []
    for index, order in enumerate(orders):
        rank, count = orders[:index].count(order), orders.count(order)
        colours.append(to_hex(colormaps[_FAMILIES[order]](0.45 + 0.5 * rank / max(1, count - 1))))
    return colours
