"""What arrives as one continuous film: ``gvsc receive --film``."""

from __future__ import annotations

import contextlib
import os
from fractions import Fraction
from pathlib import Path
from typing import Final

import av
import av.error
import numpy as np
from av.container import OutputContainer
from av.video.stream import VideoStream
from numpy.typing import NDArray

from common.conventions import FPS
from receiver.media import OutputError, add_h264, h264_frame
from receiver.receiver import Reconstruction

MOST_HELD: Final = 30
"""Clips in a row that are filled in for lost ones. If more are lost somebody was away, and the film goes on without."""


class Film:
    """Appends each burst's clip to one mp4 file, at once: it can be watched while it grows, and a receiver that is
    killed leaves all of it but the last frame.

    A clip whose burst never came is the last picture, held as long as a clip lasts, so that the film keeps time with
    what was sent; an outage is the mid-grey clip that the receiver shows for it. Clips of another size are scaled to
    that of the first. A film that is there already stays: the next life of a receiver begins another, ``NAME-2.mp4``
    and so on.
    """

    def __init__(self, path: Path) -> None:
        """Nothing is written before the first clip comes."""
        self._path = path
        self._container: OutputContainer | None = None
        self._stream: VideoStream | None = None
        self._rate = Fraction(FPS).limit_denominator(1001)
        self._size = (0, 0)
        self._frames = 0
        self._whole = 0
        self._next: int | None = None
        self._last: NDArray[np.uint8] | None = None
        self.path: Path | None = None
        """The file that is being written."""

    def __call__(self, seq: int, made: Reconstruction) -> None:
        """Appends the clip of burst ``seq``, and fills in for those missing before it. Raises OutputError."""
        missing = max(0, seq - self._next) if self._next is not None else 0
        self._next = seq + 1
        self.append(made.video, missing)

    def append(self, video: NDArray[np.uint8], missing: int = 0) -> None:
        """Appends a clip, uint8 (F, H, W, 3), H and W even, after ``missing`` ones that never came.

        Raises OutputError where it cannot be written; the next clip then begins another film.
        """
        try:
            if self._container is None:
                self._begin(video.shape[1:3])
            elif self._last is not None and missing <= MOST_HELD:
                for _ in range(missing * len(video)):
                    self._append(self._last)
            for picture in video:
                self._append(picture)
        except (OSError, av.error.FFmpegError) as error:
            path = self.path or self._path
            self._break_off()
            raise OutputError(f"{path} cannot be written: {error.strerror or error}") from error
        self._last = video[-1]

    def _break_off(self) -> None:
        """Ends the film at the last frame that was written whole."""
        path, whole = self.path, self._whole
        self.close()
        with contextlib.suppress(OSError):
            if path is not None and path.exists():
                os.truncate(path, whole)

    def close(self) -> None:
        """Ends the film; one in which there is nothing goes."""
        container, self._container, self._stream = self._container, None, None
        with contextlib.suppress(OSError, av.error.FFmpegError):
            if container is not None:
                container.close()
        if self.path is not None and self._frames == 0:
            self.path.unlink(missing_ok=True)
        self.path = self._last = None
        self._frames = self._whole = 0

    def _begin(self, size: tuple[int, int]) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self.path, number = self._path, 2
        while True:
            with contextlib.suppress(FileExistsError):
                self.path.touch(exist_ok=False)
                break
            self.path, number = self._path.with_stem(f"{self._path.stem}-{number}"), number + 1
        # A fragment for each frame, written at once: what is on the disk can be played at any time.
        options = {"movflags": "frag_every_frame+empty_moov+default_base_moof", "flush_packets": "1"}
        self._container = av.open(str(self.path.absolute()), "w", format="mp4", options=options)
        # No frame waits for later ones. A key frame every clip or so, so that one can jump to any.
        coding = {"preset": "veryfast", "tune": "zerolatency", "g": str(round(2 * FPS))}
        self._stream = add_h264(self._container, self._rate, size, coding)
        self._size = size

    def _append(self, picture: NDArray[np.uint8]) -> None:
        assert self._container is not None
        assert self._stream is not None
        self._container.mux(self._stream.encode(h264_frame(picture, self._frames, self._rate, self._size)))
        self._frames += 1
        assert self.path is not None
        self._whole = self.path.stat().st_size
