"""Reconstructions to files: what ``gvsc receive --out`` leaves behind, and outputs side by side."""

from __future__ import annotations

import json
import re
import secrets
import shutil
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PIL import Image

from common.conventions import FPS, airtime_ms
from receiver.media import OutputError, write_frames, write_mp4, write_png
from receiver.receiver import Reconstruction

Output = Callable[[int, Reconstruction], None]
"""Takes each burst's sequence number and reconstruction. Raises OutputError where they cannot be written."""

_STAGING = re.compile(r"\.\d{6,}-[0-9a-f]{8}")
_STEM = re.compile(r"[0-9]{6,}")

_MAX_FACTS_BYTES = 1 << 16


class Recorder:
    """Writes for each burst SEQ.mp4 to look at, SEQ/ with the frames as lossless PNG, and SEQ.json with the facts.

    SEQ/ has received_NAME.png, too, for each section NAME that arrived and is a picture (sketches side by side).
    SEQ is the sequence number in six digits; the folder is made as needed. A burst appears whole or not at all: all of
    it is written beside, then renamed, the facts last. Where ``keep`` is given, only so many stay, the newest, those
    of an earlier life of the receiver counted. What else lies in the folder is left alone.
    """

    def __init__(self, folder: Path, keep: int | None = None) -> None:
        self._folder = folder
        self._keep = keep
        self._kept: deque[str] | None = None
        self._swept = False

    def __call__(self, seq: int, made: Reconstruction) -> None:
        """Raises OutputError where the disk is full or the folder cannot be written to; then what was there stays."""
        stem = f"{seq:06d}"
        staging = self._folder / f".{stem}-{secrets.token_hex(4)}"
        try:
            if not self._swept:
                self._sweep()
            if self._keep is not None:
                self._make_room(stem, self._keep)
            self._write(staging, stem, seq, made)
            self._put_in_place(staging, stem)
        except (OSError, OutputError) as error:
            self._kept = None  # the folder itself tells, the next time, what is there now
            reason = error.__cause__ if isinstance(error, OutputError) else error
            words = getattr(reason, "strerror", None) or reason
            raise OutputError(f"{self._folder / stem} cannot be written: {words}") from error
        finally:
            shutil.rmtree(staging, ignore_errors=True)

    def _write(self, staging: Path, stem: str, seq: int, made: Reconstruction) -> None:
        write_mp4(staging / f"{stem}.mp4", made.video, FPS)
        write_frames(staging / stem, made.video)
        for name, picture in made.pictures.items():
            write_png(staging / stem / f"received_{name}.png", Image.fromarray(picture))
        facts = {
            "seq": seq,
            "scheme": made.header.scheme.name if made.header else None,
            "clip": made.header.clip if made.header else None,
            "symbols_total": made.header.total_symbols if made.header else None,
            "cbr_payload": made.header.cbr_payload if made.header else None,
            "cbr_total": made.header.cbr_total if made.header else None,
            "airtime_ms": airtime_ms(made.header.total_symbols) if made.header else None,
            "snr_estimated_db": made.snr_db,
            "text_received": made.text,
            "text_ok": made.text is not None,
            "failed": list(made.failed),
            "generator": made.generator,
            "task": made.task,
            "sections": section_facts(made),
            "seconds": made.seconds,
        }
        (staging / f"{stem}.json").write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")

    def _put_in_place(self, staging: Path, stem: str) -> None:
        """Renames the whole burst; the facts of one that it replaces go first, its own come last."""
        self._delete(stem)
        for name in (f"{stem}.mp4", stem, f"{stem}.json"):
            (staging / name).replace(self._folder / name)

    def _delete(self, stem: str) -> None:
        (self._folder / f"{stem}.json").unlink(missing_ok=True)
        (self._folder / f"{stem}.mp4").unlink(missing_ok=True)
        if (self._folder / stem).exists():
            shutil.rmtree(self._folder / stem)

    def _make_room(self, stem: str, keep: int) -> None:
        """Deletes the oldest reconstructions, so that with ``stem`` there will be at most ``keep``."""
        if self._kept is None:
            found = [facts for facts in self._folder.glob("[0-9]*.json") if _tells_of_its_burst(facts)]
            self._kept = deque(facts.stem for facts in sorted(found, key=lambda facts: facts.stat().st_mtime_ns))
        if stem in self._kept:  # a new transmitter counts from 0 again
            self._kept.remove(stem)
        self._kept.append(stem)
        while len(self._kept) > keep:
            self._delete(self._kept.popleft())

    def _sweep(self) -> None:
        """Deletes what a receiver that was killed while it wrote has left behind."""
        for left in self._folder.glob(".*-*"):
            if _STAGING.fullmatch(left.name):
                shutil.rmtree(left, ignore_errors=True)
        self._swept = True


def section_facts(made: Reconstruction) -> dict[str, dict[str, Any]]:
    """What JSON says of each section that arrived, by its name: ``{modality, snr_db, failed}``."""
    return {
        name: {"modality": arrived.modality, "snr_db": arrived.snr_db, "failed": arrived.failed}
        for name, arrived in made.sections.items()
    }


def to_all(*outputs: Output | None) -> Output | None:
    """One output that gives each burst to all of them; None where there is none.

    What one cannot write the others still get; then the first error is raised.
    """
    there = [output for output in outputs if output is not None]

    def output(seq: int, made: Reconstruction) -> None:
        problem: OutputError | None = None
        for one in there:
            try:
                one(seq, made)
            except OutputError as error:
                problem = problem or error
        if problem is not None:
            raise problem

    return output if there else None


def _tells_of_its_burst(facts: Path) -> bool:
    """Whether a ``Recorder`` wrote this file, and not somebody who has files of that name too."""
    if not _STEM.fullmatch(facts.stem):
        return False
    try:
        with facts.open("rb") as file:
            told = json.loads(file.read(_MAX_FACTS_BYTES))
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(told, dict) and told.get("seq") == int(facts.stem)
