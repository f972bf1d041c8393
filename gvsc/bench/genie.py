"""What it costs that the receiver estimates gain and noise itself: descriptions lost and picture quality, with and
without a genie that tells the true noise power."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np

from channel.channel import Channel
from common.clip import Clip
from gvsc.bench.trials import ErrorRate
from gvsc.evaluation.metrics import measure as measure_metrics
from receiver.receiver import Receiver
from transmitter.transmitter import Transmitter

SNRS_DB: Final = (-4.0, -2.0, -1.0, 0.0, 2.0, 5.0, 10.0)
PICTURE_SCHEME: Final = "first-frame-desc"


def measure(
    clip: Clip,
    transmitter: Transmitter,
    receiver: Receiver,
    channel: Callable[[float], Channel],
    *,
    bursts: int,
    tell: Callable[[str], None],
    snrs_db: Sequence[float] = SNRS_DB,
    text_mode: int | None = None,
) -> list[dict[str, Any]]:
    """The same ``bursts`` through ``channel(snr_db)`` at each SNR, heard with the receiver's own estimate and with a
    genie's noise power.

    Returns ``[{snr_db, bursts, estimated: {text_lost, interval, psnr}, genie: {…}, psnr_loss_db}]``; a burst whose
    header is lost counts as a lost description, and its picture is left out of both means.
    """
    points = []
    for snr_db in snrs_db:
        sent = transmitter.encode(clip, snr_db, PICTURE_SCHEME, text_mode).samples
        air = channel(snr_db)
        lost = {"estimated": 0, "genie": 0}
        quality: dict[str, list[float]] = {"estimated": [], "genie": []}
        for sequence in range(bursts):
            samples = air.apply(sent, sequence)
            heard = {
                "estimated": receiver.listen(samples),
                "genie": receiver.listen(samples, genie_snr_db=snr_db),
            }
            for name, received in heard.items():
                lost[name] += received.text is None
            frames = {name: received.frame for name, received in heard.items()}
            if all(frame is not None for frame in frames.values()):
                for name, frame in frames.items():
                    assert frame is not None
                    shown = np.rint(frame.transpose(1, 2, 0)[None] * 255).astype(np.uint8)
                    quality[name].append(measure_metrics(clip.video[:1], shown)["psnr"])
        point: dict[str, Any] = {"snr_db": snr_db, "bursts": bursts}
        for name in lost:
            rate = ErrorRate(lost[name], bursts)
            psnr = float(np.mean(quality[name])) if quality[name] else None
            point[name] = {"text_lost": rate.rate, "interval": rate.interval(), "psnr": psnr}
        estimated, genie = point["estimated"]["psnr"], point["genie"]["psnr"]
        point["psnr_loss_db"] = None if estimated is None or genie is None else genie - estimated
        points.append(point)
        tell(f"{snr_db:g} dB: {bursts} bursts")
    return points


def table(points: Sequence[dict[str, Any]]) -> str:
    """What :func:`measure` returns, for people."""
    lines = [" Es/N0   description lost [95 %], estimated / genie                 PSNR, estimated / genie"]
    for point in points:
        cells = []
        for name in ("estimated", "genie"):
            low, high = point[name]["interval"]
            cells.append(f"{point[name]['text_lost']:.3f} [{low:.3f}, {high:.3f}]")
        psnr = "-"
        if point["psnr_loss_db"] is not None:
            psnr = f"{point['estimated']['psnr']:.2f} / {point['genie']['psnr']:.2f} dB"
        lines.append(f"{point['snr_db']:6.1f}   {' / '.join(cells):<56}  {psnr}")
    return "\n".join(lines)
