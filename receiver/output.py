"""Reconstructions to files: what ``gvsc receive --out`` leaves behind."""

from __future__ import annotations

import json
from pathlib import Path

from common.conventions import FPS
from receiver.media import replacing, write_frames, write_mp4, write_png
from receiver.receiver import Reconstruction


class Recorder:
    """Writes for each burst SEQ.mp4 to look at, SEQ/ with the frames as lossless PNG, and SEQ.json with the facts.

    SEQ is the sequence number in six digits; the folder is made as needed.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __call__(self, seq: int, made: Reconstruction) -> None:
        """Raises OutputError where the disk is full or the folder cannot be written to."""
        stem = f"{seq:06d}"
        write_mp4(self._folder / f"{stem}.mp4", made.video, FPS)
        write_frames(self._folder / stem, made.video)
        if made.frame is not None:
            write_png(self._folder / stem / "received_frame.png", made.frame)
        facts = {
            "seq": seq,
            "scheme": made.header.scheme.name if made.header else None,
            "clip": made.header.clip if made.header else None,
            "snr_estimated_db": made.snr_db,
            "text_received": made.text,
            "text_ok": made.text is not None,
            "failed": list(made.failed),
            "generator": made.generator,
            "seconds": made.seconds,
        }
        with replacing(self._folder / f"{stem}.json") as temporary:
            temporary.write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
