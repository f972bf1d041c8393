"""What motion on the air is worth: the received frame repeated, moved as was received, moved as if all were known.

Real clips through the real burst, white noise, SNR and gain estimated by the receiver. PSNRs are those of
:func:`gvsc.evaluation.metrics.psnr`, the mean over all 8 frames of each frame's; means over clips, and 95 % intervals
of a bootstrap over sources (:func:`source_of`), all of whose clips are drawn together: clips of one source are alike.
"""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray

from channel.channel import Channel
from common.clip import Clip
from common.codecs.motion.warp import warp
from common.errors import ClipError
from common.sections.base import to_bytes
from gvsc.bench import provenance
from gvsc.evaluation.metrics.psnr import psnr
from receiver.generators.base import Conditions
from receiver.generators.mini.warp import warped
from receiver.listen import listen
from transmitter.clips import Wanted, read_clips
from transmitter.extract.motion.dis import DisFlow
from transmitter.transmitter import Transmitter

SCHEME: Final = "first-frame-motion-desc"
SNRS_DB: Final = (0.0, 5.0, 10.0)
DRAWS: Final = 2000
PACKAGES: Final = ("numpy", "torch", "opencv-python-headless")

CEILING_PRESET: Final = "medium"
"""Dense flow that is known at the receiver comes from DIS at this preset, four times as much work as the
transmitter's own first guess."""

CAPTION: Final = "A real clip."
"""Of clips that have none."""

WAYS: Final = ("repeat", "warp", "direct", "dense")
"""The received frame held; moved by the received motion (held where that is lost); moved by dense flow known at the
receiver, DIS from each frame straight to the first, and the same tracked through the frames between (`DisFlow`), which
is better."""

Video = NDArray[np.uint8]
Keep = Callable[[str, float, Mapping[str, Video]], None]


def source_of(name: str) -> str:
    """The source of a clip: its file's name without the last two numbers, "sam2" for "sam2_0003_1"."""
    return re.sub(r"[_-]\d+[_-]\d+$", "", name)


def measure(
    clips: Iterable[Clip],
    tell: Callable[[str], None],
    *,
    seed: int,
    snrs_db: Sequence[float] = SNRS_DB,
    scheme: str = SCHEME,
    keep: Keep | None = None,
) -> dict[str, Any]:
    """``{scheme, snr_db, symbols, clips: [...], pooled: {snr: ...}, seconds, seed, versions}``.

    A clip's entry is ``{name, source, by_snr: {snr: {psnr: {way: dB}, motion_ratio, correlation, snr_estimated_db,
    motion_failed, no_motion} or None where the header was lost}}``. Of what the received motion makes: ``motion_ratio``
    is its mean inter-frame difference over the source's, ``correlation`` that of its x̂_t − x̂_1 with the source's
    x_t − x_1, over all pixels of frames 2 … 8, None where one of them is constant. ``keep`` is given each clip's name,
    the SNR, and the videos of all `WAYS`.
    """
    transmitter, ceiling = Transmitter(), DisFlow(CEILING_PRESET)
    transmitter.prepare(scheme)
    made: list[dict[str, Any]] = []
    seconds: dict[str, list[float]] = {"extract": [], "encode": [], "warp": []}
    symbols = 0
    for number, given in enumerate(clips):
        # nothing here hangs on the words, and a sentence made up for each SNR would take longer than all the rest
        clip = replace(given, caption=given.caption or CAPTION)
        known = [torch.from_numpy(ceiling.extract(clip.video, tracked=tracked)) for tracked in (False, True)]
        by_snr: dict[str, Any] = {}
        for snr_db in snrs_db:
            encoded = transmitter.encode_with_details(clip, snr_db, scheme)
            symbols = encoded.burst.header.payload_symbols
            samples = Channel(snr_db=snr_db, seed=seed).apply(encoded.burst.samples, number)
            received = listen(samples)
            for stage in ("extract", "encode"):
                seconds[stage].append(encoded.seconds[stage])
            if received.header is None:
                by_snr[f"{snr_db:g}"] = None
                continue
            conditions = Conditions(received.sections, *received.header.shape)
            frame = conditions.first_frame
            assert frame is not None
            began = time.perf_counter()
            moved = warped(conditions)
            seconds["warp"].append(time.perf_counter() - began)
            held = np.repeat(frame[None], len(clip.video), axis=0)
            first = torch.from_numpy(frame.copy())
            dense = [torch.cat([first[None], warp(first, fields, "bicubic")]).numpy() for fields in known]
            floats = zip(WAYS, (held, held if moved is None else moved, *dense), strict=True)
            videos = {way: to_bytes(video.transpose(0, 2, 3, 1)) for way, video in floats}
            if keep is not None:
                keep(clip.name, snr_db, videos)
            assert received.estimate is not None
            motion = received.sections["motion"]
            by_snr[f"{snr_db:g}"] = {
                "psnr": {way: round(psnr(clip.video, video), 4) for way, video in videos.items()},
                "motion_ratio": _ratio(clip.video, videos["warp"]),
                "correlation": _correlation(clip.video, videos["warp"]),
                "snr_estimated_db": round(received.estimate.snr_db, 3),
                "motion_failed": motion.failed,
                "no_motion": motion.value is not None and not motion.value.any(),
            }
        made.append({"name": clip.name, "source": source_of(clip.name), "by_snr": by_snr})
        tell(f"clip {number + 1}: {clip.name}")
    return {
        "scheme": scheme,
        "snr_db": list(snrs_db),
        "symbols": symbols,
        "clips": made,
        "pooled": {f"{snr_db:g}": pooled(made, f"{snr_db:g}", seed) for snr_db in snrs_db},
        "seconds": {stage: round(float(np.median(times)), 3) for stage, times in seconds.items() if times},
        "seed": seed,
        "versions": provenance.versions(PACKAGES),
    }


def pooled(clips: Sequence[Mapping[str, Any]], at: str, seed: int) -> dict[str, Any]:
    """Means over ``clips`` at the SNR ``at``, intervals [2.5 %, 97.5 %] by bootstrap over sources.

    ``gain_db`` are gains against repeat, of each other way; ``share`` of warp's mean gain in those of direct and of
    dense; ``losing`` the share of clips where warp is below repeat by over 0.01 dB.
    """
    there = [(clip["source"], clip["by_snr"][at]) for clip in clips if clip["by_snr"][at] is not None]
    lost = len(clips) - len(there)
    if not there:
        return {"clips": 0, "headers_lost": lost}
    decibels = np.array([[one["psnr"][way] for way in WAYS] for _, one in there])
    gains = decibels[:, 1:] - decibels[:, :1]
    names = sorted({source for source, _ in there})
    members = np.array([names.index(source) for source, _ in there])
    columns = [*gains.T, np.ones(len(there))]
    sums = np.stack([np.bincount(members, weights=column, minlength=len(names)) for column in columns])
    drawn = np.random.default_rng(seed).integers(0, len(names), (DRAWS, len(names)))
    *drawn_gains, drawn_counts = sums[:, drawn].sum(axis=2)
    means = gains.mean(axis=0)
    correlations = [one["correlation"] for _, one in there if one["correlation"] is not None]
    return {
        "clips": len(there),
        "sources": len(names),
        "headers_lost": lost,
        "motion_failed": sum(one["motion_failed"] for _, one in there),
        "no_motion": sum(one["no_motion"] for _, one in there),
        "psnr": {way: round(float(value), 3) for way, value in zip(WAYS, decibels.mean(axis=0), strict=True)},
        "gain_db": {
            way: _with_interval(mean, total / drawn_counts)
            for way, mean, total in zip(WAYS[1:], means, drawn_gains, strict=True)
        },
        "share": {
            way: _with_interval(means[0] / means[k], drawn_gains[0] / drawn_gains[k])
            for k, way in enumerate(WAYS[1:])
            if k > 0
        },
        "losing": round(float((gains[:, 0] < -0.01).mean()), 4),
        "worst_db": round(float(gains[:, 0].min()), 3),
        "motion_ratio": round(float(np.mean([one["motion_ratio"] for _, one in there])), 3),
        "correlation": round(float(np.mean(correlations)), 3) if correlations else None,
    }


def table(result: Mapping[str, Any]) -> str:
    """What :func:`measure` returns, for people."""
    lines = [f"{result['scheme']}, {result['symbols']} payload symbols, {len(result['clips'])} clips"]
    for at, found in result["pooled"].items():
        if not found["clips"]:
            lines.append(f"{at:>3} dB  no header arrived")
            continue
        decibels = "  ".join(f"{way} {value:.2f}" for way, value in found["psnr"].items())
        spans = "  ".join(
            f"{what} {one['mean']:.2f} [{one['low']:.2f}, {one['high']:.2f}]"
            for what, one in (
                *((f"gain of {way}", one) for way, one in found["gain_db"].items()),
                *((f"share of {way}'s", one) for way, one in found["share"].items()),
            )
        )
        lines += [
            f"{at:>3} dB  PSNR {decibels}  {spans}",
            (
                f"        clips that lose {found['losing']:.1%}, worst {found['worst_db']:.2f} dB; motion ratio"
                f" {found['motion_ratio']}, correlation {found['correlation']}; no motion {found['no_motion']},"
                f" motion lost {found['motion_failed']}, header lost {found['headers_lost']}"
            ),
        ]
    lines.append("seconds  " + "  ".join(f"{stage} {value:.3f}" for stage, value in result["seconds"].items()))
    return "\n".join(lines)


def sheet(videos: Sequence[Video]) -> Video:
    """Videos (F, H, W, 3) below each other, every other frame and the last from left to right."""
    frames = sorted({*range(0, len(videos[0]), 2), len(videos[0]) - 1})
    return np.vstack([np.hstack([video[frame] for frame in frames]) for video in videos])


def read(source: Path, count: int | None = None, wanted: Callable[[str], bool] | None = None) -> list[Clip]:
    """One clip of each video in the folder ``source``, or of one video, in the order of their names.

    With ``count`` so many, those whose names have the lowest SHA-256, in that order. ``wanted`` says by a video's name,
    without the ending, whether it is taken. Only these are opened. Raises ClipError where there is none.
    """
    files = sorted(file for file in source.iterdir() if file.is_file()) if source.is_dir() else [source]
    files = [file for file in files if wanted is None or wanted(file.stem)]
    if count is not None:
        files = sorted(files, key=lambda file: hashlib.sha256(file.stem.encode()).digest())[:count]
    clips = [clip for file in files for clip in read_clips(file, Wanted(clip_at=0.0))]
    if not clips:
        raise ClipError(f"{source} holds no clip to measure")
    return clips


def _with_interval(mean: float, draws: NDArray[np.float64]) -> dict[str, float]:
    low, high = np.quantile(draws, (0.025, 0.975))
    return {"mean": round(float(mean), 4), "low": round(float(low), 4), "high": round(float(high), 4)}


def _ratio(source: Video, made: Video) -> float:
    return round(_moves(made) / max(_moves(source), 1e-9), 4)


def _moves(video: Video) -> float:
    """Mean absolute difference of neighbouring frames, grey levels."""
    return float(np.abs(np.diff(video.astype(np.float32), axis=0)).mean()) if len(video) > 1 else 0.0


def _correlation(source: Video, made: Video) -> float | None:
    changes = [(video[1:].astype(np.float64) - video[0]).ravel() for video in (source, made)]
    if any(not change.size or not change.std() for change in changes):
        return None
    return round(float(np.corrcoef(*changes)[0, 1]), 4)
