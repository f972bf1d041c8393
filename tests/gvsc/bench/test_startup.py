"""The measurement of start-up: CPU seconds of processes, marks between their lines, and what it refuses."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from common.errors import GvscError
from gvsc.bench import startup

BUSY = "import time\ndef busy():\n    end = time.process_time() + 0.2\n    while time.process_time() < end: pass\n"


def test_cpu_seconds_are_those_of_the_process_and_its_children_and_no_waiting() -> None:
    began = time.process_time()
    alone, marks = startup._cpu_s(("-c", BUSY + "time.sleep(0.5); busy()"))
    assert marks == []
    assert 0.2 <= alone < 0.5
    child = "import subprocess, sys; subprocess.run([sys.executable, '-c', " + repr(BUSY + "busy()") + "])\n"
    both, _ = startup._cpu_s(("-c", child + BUSY + "busy()"))
    assert 0.4 <= both < 0.9
    assert time.process_time() - began < 0.2, "it waits for them without working"


def test_a_line_is_a_mark() -> None:
    program = BUSY + "for _ in range(3):\n    busy(); print('line', flush=True)\nbusy()"
    whole, marks = startup._cpu_s(("-c", program))
    assert len(marks) == 3
    assert all(0.15 <= later - sooner <= 0.35 for sooner, later in zip(marks, [*marks[1:], whole], strict=True))


def test_a_program_that_fails_is_told() -> None:
    with pytest.raises(GvscError, match="exits with 3"):
        startup._cpu_s(("-c", "raise SystemExit(3)"))


def test_start_up_is_what_one_clip_takes_less_what_one_more_does(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []

    def cpu_s(words: tuple[str, ...]) -> tuple[float, list[float]]:
        calls.append(" ".join(words))
        if "import torch" in words:
            return 2.0, []
        if "--all" in words:
            return 9.0, [5.0, 6.5, 7.0, 8.5]
        return 5.25, [0.0] * 11

    monkeypatch.setattr(startup, "_cpu_s", cpu_s)
    made = startup.measure("film.mp4", 2, lambda line: None)
    assert (made["torch_s"], made["simulate_s"], made["clip_s"], made["startup_s"]) == (2.0, 5.25, 1.0, 4.25)
    assert (made["limit_s"], made["within"], len(made["runs"])) == (4.0, False, 2)
    assert len(calls) == 9
    assert not any("--caption" in call for call in calls)


def test_a_film_of_one_clip_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(startup, "_cpu_s", lambda words: (1.0, [0.5, 0.6]))
    with pytest.raises(GvscError, match="one clip alone"):
        startup.measure("film.mp4", 1, lambda line: None)


def test_its_own_film_has_three_clips(tmp_path: Path) -> None:
    from transmitter.clips import Wanted, find

    file = startup._write_film(tmp_path / "film.mp4")
    assert len(list(find(file).read(Wanted()))) == startup.CLIPS == 3


@pytest.mark.long
@pytest.mark.timeout(600)
def test_simulate_starts_within_one_and_a_half_imports_of_torch_and_a_second() -> None:
    assert startup.measure(None, 3, print)["within"]
