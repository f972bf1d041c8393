"""Seconds per stage for one clip, and the peak memory of each of the three processes."""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from common import schemes
from gvsc import demo

SNR_DB = 10.0
STAGES = ("extract", "encode", "decode", "generate")


def measure(tell: Callable[[str], None]) -> dict[str, Any]:
    """The sample clips through three processes, once to warm up and once for each scheme.

    Returns ``{"seconds": {scheme: {stage: median}}, "peak_rss_mb": {role: MB}}``.
    """
    steps = [demo.Step(SNR_DB, name) for name in (schemes.names()[0], *schemes.names())]
    with tempfile.TemporaryDirectory(prefix="gvsc-") as folder:
        done = demo.run(None, steps, Path(folder), (), tell=tell, advance=lambda count, due: None)
    measured = done.shown[len(done.shown) // len(steps) :]
    seconds = {
        name: {
            stage: statistics.median(s.facts["seconds"][stage] for s in measured if s.facts["scheme"] == name)
            for stage in STAGES
        }
        for name in schemes.names()
    }
    return {"seconds": seconds, "peak_rss_mb": done.peak_rss_mb}
