"""A long video through the reader and the extractors, clip by clip: the memory it takes, and whether that grows."""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from transmitter.clips import read_clips
from transmitter.extract import description, sketch

MARKS: Final = (10, 50, 100)
"""Percent of the clips at which the memory is told."""


def measure(source: str, describe: str, sketch_name: str, tell: Callable[[str], None]) -> dict[str, Any]:
    """Sketches and description of every clip of ``source``, one after the other.

    Returns clips, seconds and seconds a stage {read, sketch, describe}, ``rss_mb`` {percent: MB} of this process, its
    peak up to the last clip (MB are 1e6 bytes), and name and description of each clip. ``tell`` gets a line now and
    then. Raises ClipError, WeightsError.
    """
    sketcher = sketch.load(sketch_name)
    describer = description.load(describe)
    seconds = dict.fromkeys(("read", "sketch", "describe"), 0.0)
    rss_mb: list[float] = []
    described: list[dict[str, str]] = []
    began = last = time.perf_counter()

    def spent(stage: str) -> None:
        nonlocal last
        now = time.perf_counter()
        seconds[stage] += now - last
        last = now

    for clip in read_clips(source):
        spent("read")
        sketcher.extract(clip.video)
        spent("sketch")
        words = describer.extract(clip)
        spent("describe")
        described.append({"clip": clip.name, "text": words.text, "by": words.by})
        rss_mb.append(_rss_mb())
        if len(rss_mb) % 20 == 0:
            tell(f"{len(rss_mb)} clips, {rss_mb[-1]:.0f} MB, {last - began:.0f} s: {words.text}")
    return {
        "clips": len(rss_mb),
        "seconds": round(time.perf_counter() - began, 1),
        "seconds_by_stage": {stage: round(value, 1) for stage, value in seconds.items()},
        "rss_mb": {str(mark): round(rss_mb[max(0, len(rss_mb) * mark // 100 - 1)]) for mark in MARKS},
        "peak_rss_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6),  # Linux counts in KiB
        "described": described,
    }


def _rss_mb() -> float:
    """Resident memory of this process now (Linux)."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6
