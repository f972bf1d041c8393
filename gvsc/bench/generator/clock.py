"""Seconds and memory of a generator in a process of its own, which does nothing else.

``measure`` starts it: ``python -m gvsc.bench.generator.clock '{"name": …, "folder": …, "settings": {…}}'``. It prints
JSON lines, the first one as soon as the first clip is there.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from statistics import median
from typing import Any, Final

import numpy as np

import gvsc
from common.conventions import DEFAULT_SEED
from common.errors import GvscError
from gvsc.bench.generator.maker import load
from receiver.generators import GeneratorOptions
from receiver.generators.base import Conditions, Generator
from transmitter.clips.world import World

THREADS: Final = 2
RUNS: Final = 3
STEPS: Final = 50

_ORDER: Final[tuple[str, ...]] = ("frame-text", "text", "sketches-text", "sketch-text")
"""The first role that a generator serves makes the first clip."""

_THREAD_VARIABLES: Final = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")


class ClockError(GvscError):
    """The process that was to be timed failed."""


def measure(name: str, folder: Path | None, settings: GeneratorOptions, tell: Callable[[str], None]) -> dict[str, Any]:
    """``{seconds: {default, steps_50, first_clip, …}, peak_rss_gb}`` of one clip of 8 frames at 256×256.

    ``default`` and ``steps_50`` are medians of RUNS runs after one to warm up, of the role that is slowest with the
    default steps; ``by_role`` has the default steps of each. ``first_clip`` is from the start of the process to its
    first clip. ``peak_rss_gb`` (1e9 bytes) is that process's, which holds nothing but the generator and the conditions.
    The threads are those of OMP_NUM_THREADS, or else THREADS. Raises ClockError.
    """
    threads = os.environ.get("OMP_NUM_THREADS") or str(THREADS)
    root = str(Path(gvsc.__file__).parents[1])
    paths = os.pathsep.join([root, *filter(None, [os.environ.get("PYTHONPATH")])])
    environment = os.environ | dict.fromkeys(_THREAD_VARIABLES, threads) | {"PYTHONPATH": paths}
    asked = {"name": name, "folder": None if folder is None else str(folder), "settings": asdict(settings)}
    command = [sys.executable, "-m", "gvsc.bench.generator.clock", json.dumps(asked)]
    began = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment, text=True) as child:
        assert child.stdout is not None
        first = child.stdout.readline()
        first_clip = time.perf_counter() - began
        tell(f"seconds: the first clip after {first_clip:.1f} s")
        rest = child.stdout.read()
    if child.returncode or not first:
        raise ClockError(f"the process that was to be timed ended with {child.returncode}")
    made: dict[str, Any] = json.loads(rest)
    peak_rss_gb = made.pop("peak_rss_gb")
    seconds = {"default": made.pop("default"), "steps_50": made.pop("steps_50"), "first_clip": round(first_clip, 3)}
    return {"seconds": seconds | made | {"threads": int(threads)}, "peak_rss_gb": peak_rss_gb}


def conditions(role: str) -> Conditions:
    """Something to build from in that role; clean, as what it holds does not change how long it takes."""
    clip = World(DEFAULT_SEED, "held_out")[0]
    frame = np.ascontiguousarray(clip.video[0].transpose(2, 0, 1), np.float32) / np.float32(255)
    lines = clip.contours.astype(np.float32)
    return Conditions.of(
        description=clip.caption,
        first_frame=frame if role == "frame-text" else None,
        sketches={"sketches-text": lines, "sketch-text": lines[:1]}.get(role),
    )


def _seconds(generator: Generator, role: str, steps: int | None) -> float:
    """Median of RUNS; the caller has warmed it up."""
    asked, taken = conditions(role), []
    for _ in range(RUNS):
        began = time.perf_counter()
        generator.generate(asked, DEFAULT_SEED, steps)
        taken.append(time.perf_counter() - began)
    return round(median(taken), 3)


def main() -> None:
    """The process."""
    wanted = json.loads(sys.argv[1])
    settings = GeneratorOptions(**wanted["settings"] | {"model": tuple(wanted["settings"]["model"])})
    try:
        generator = load(wanted["name"], Path(wanted["folder"]) if wanted["folder"] else None, settings)
        roles = [role for role in _ORDER if role in generator.tasks]
        by_role = {}
        for role in roles:
            generator.generate(conditions(role), DEFAULT_SEED)  # the first clip, and to warm up
            if role == roles[0]:
                sys.stdout.write("{}\n")
                sys.stdout.flush()
            by_role[role] = _seconds(generator, role, None)
        slowest = max(roles, key=lambda role: by_role[role])
        steps_50 = _seconds(generator, slowest, STEPS)
    except GvscError as error:
        raise SystemExit(f"error: {error}") from None
    peak_rss_gb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9  # Linux counts in KiB
    told = {"default": by_role[slowest], "steps_50": steps_50, "role": slowest, "by_role": by_role}
    sys.stdout.write(json.dumps(told | {"peak_rss_gb": round(peak_rss_gb, 3)}) + "\n")


if __name__ == "__main__":
    main()
