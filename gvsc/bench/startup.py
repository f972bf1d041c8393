"""What `gvsc simulate` costs beside the work on its clip, held against importing torch, in CPU seconds.

One process runs `gvsc simulate CLIP`: start-up and a clip. Another one sends a film of several clips with `--all`: each
clip after the first costs what a clip costs. CPU seconds are user and system time of the process and of its children
that have ended, so that other programs on the machine hardly count. Read from /proc (Linux).
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from common.errors import GvscError

TIMES_TORCH: Final = 1.5
MORE_S: Final = 1.0
"""Start-up may take ``TIMES_TORCH`` times what importing torch takes, and ``MORE_S`` seconds."""

CLIPS: Final = 3
"""Of the film: the later ones give the cost of a clip."""

_SIMULATE: Final = "from gvsc.cli import main; main(prog_name='gvsc')"
_CAPTION: Final = "a film of three clips"


def measure(film: str | None, runs: int, tell: Callable[[str], None]) -> dict[str, Any]:
    """``{"torch_s", "simulate_s", "clip_s", "startup_s", "limit_s", "within", "runs": [...]}``.

    All in CPU seconds, each the median of ``runs`` runs after one that is not counted: a Python that imports torch and
    nothing else; `gvsc simulate` of the film's first clip; one more clip in the same process; simulate_s − clip_s; and
    what that may be at most. ``film`` is a video of at least two clips, by default one of three clips of the drawn
    world with a caption. Raises GvscError where a command fails.
    """
    with tempfile.TemporaryDirectory(prefix="gvsc-") as folder:
        caption: tuple[str, ...] = ()
        if film is None:
            film, caption = _write_film(Path(folder) / "film.mp4"), ("--caption", _CAPTION)
        simulate = ("-c", _SIMULATE, "simulate", film, *caption, "--threads", "1", "--out")
        made: list[dict[str, float]] = []
        for number in range(runs + 1):
            torch_s, _ = _cpu_s(("-c", "import torch"))
            simulate_s, _ = _cpu_s((*simulate, f"{folder}/{number}"))
            _, marks = _cpu_s((*simulate, f"{folder}/{number}-all", "--all"))
            *clips, _ = marks  # a line for each clip, and one at the end
            if len(clips) < 2:
                raise GvscError(f"{film} has one clip alone: give a video of two or more")
            clip_s = (clips[-1] - clips[0]) / (len(clips) - 1)
            times = {"torch_s": torch_s, "simulate_s": simulate_s, "clip_s": clip_s, "startup_s": simulate_s - clip_s}
            tell("  ".join(f"{name} {value:.2f}" for name, value in times.items()) + ("" if number else "  (warm-up)"))
            made.append(times)
    middle = {name: statistics.median(run[name] for run in made[1:]) for name in made[0]}
    limit_s = TIMES_TORCH * middle["torch_s"] + MORE_S
    return {**middle, "limit_s": limit_s, "within": middle["startup_s"] <= limit_s, "runs": made[1:]}


def _cpu_s(words: Sequence[str]) -> tuple[float, list[float]]:
    """CPU seconds of a Python with these arguments, and how many there were at each line that it printed. Raises
    GvscError where it fails."""
    with subprocess.Popen([sys.executable, *words], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        marks = [_so_far_s(process.pid) for _ in process.stdout]
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise GvscError(f"{' '.join(map(repr, words))} exits with {process.returncode}")
    return usage.ru_utime + usage.ru_stime, marks


def _so_far_s(pid: int) -> float:
    """CPU seconds of a process and of its children that have ended, so far: fields 14 to 17 of /proc/PID/stat."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


def _write_film(file: Path) -> str:
    import numpy as np

    from common.conventions import DEFAULT_SEED, FPS
    from receiver.media import write_mp4
    from transmitter.clips.world import World

    world = World(DEFAULT_SEED)
    write_mp4(file, np.concatenate([world[number].video for number in range(CLIPS)]), FPS)
    return str(file)
