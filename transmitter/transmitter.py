"""The transmitter as a pure object: one clip in, one burst of symbols out."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from common import burst
from common.burst import Burst, Header
from common.clip import Clip
from common.codecs import h26x, text, video, video_mode
from common.codecs.djscc_frame import FrameCodec
from common.codecs.djscc_rgb import RgbCodec
from common.codecs.h26x import Standard
from common.codecs.sketches import SketchesCodec
from common.codecs.video import VideoCodec
from common.conventions import check_snr_db
from common.errors import SettingError
from common.schemes import Section, by_name
from transmitter.extract import description, first_frame, sketch
from transmitter.extract.description import Description
from transmitter.extract.sketch.base import Sketcher

DEFAULT_SCHEME: Final = "first-frame-desc"

VIDEO_MARGIN_DB: Final = 1.0
"""What the SNR must lie above a mode's threshold where the video's rate is adaptive: the estimate is off by 0.3 to
0.75 dB RMS (docs/results/link/header-reception.json), and behind the threshold all is lost."""

NO_DESCRIPTION: Final = Description(b"", was_cut=False, by="none")
"""What is sent of a scheme that has none."""


@dataclass(frozen=True)
class Encoded:
    """A burst and what went into it: the description that was sent, and seconds per stage {extract, encode}.

    ``pictures`` are what was extracted for its analogue sections, before their codecs: a first frame (3, H, W),
    sketches (S, H, W), float32 in [0, 1]. ``fits`` is False where a bitstream is larger than its section: the clip
    counts as a failure, and what fits is sent.
    """

    burst: Burst
    description: Description
    pictures: dict[Section, NDArray[np.float32]] = field(default_factory=dict)
    fits: bool = True
    seconds: dict[str, float] = field(default_factory=dict)


class Transmitter:
    """Extracts what a scheme sends of a clip and codes it into symbols. Holds weights, no state between clips."""

    def __init__(self, describe: str = description.DEFAULT, sketch_by: str = sketch.DEFAULT) -> None:
        """Loads the codec of first frames and the describer ``describe``, of description.NAMES.

        ``sketch_by``, of sketch.NAMES, draws where a scheme sends sketches; it is loaded then, or by ``prepare``.
        Raises SettingError, WeightsError, PackageError.
        """
        if sketch_by not in sketch.NAMES:
            raise SettingError(f"no sketcher is called {sketch_by!r}; there are: {', '.join(sketch.NAMES)}")
        self._frame_codec = FrameCodec.load()
        self._describer = description.load(describe)
        self._sketch_by = sketch_by

    def prepare(self, scheme: str) -> None:
        """Loads what ``scheme`` needs beyond the rest now, rather than with the first clip that is sent so.

        Raises SchemeError, WeightsError.
        """
        if {"sketch", "sketches"}.intersection(by_name(scheme).sections):
            _ = self._sketcher, self._sketches_codec

    def encode(
        self,
        clip: Clip,
        tx_snr_db: float,
        scheme: str = DEFAULT_SCHEME,
        text_mode: int = text.DEFAULT_MODE,
        video_rate: str = video_mode.DEFAULT_RATE,
    ) -> Burst:
        """The burst for one clip, for a channel that the transmitter believes to have ``tx_snr_db`` (Es/N0 in dB).

        ``text_mode`` is the number of one of text.MODES, ``video_rate`` one of video_mode.RATES. Raises SchemeError,
        SettingError, BurstError, PackageError.
        """
        return self.encode_with_details(clip, tx_snr_db, scheme, text_mode, video_rate).burst

    def encode_with_details(
        self,
        clip: Clip,
        tx_snr_db: float,
        scheme: str = DEFAULT_SCHEME,
        text_mode: int = text.DEFAULT_MODE,
        video_rate: str = video_mode.DEFAULT_RATE,
    ) -> Encoded:
        """As ``encode``, with the description that was sent and the time each stage took."""
        tx_snr_db = check_snr_db(tx_snr_db, "tx_snr_db")
        chosen = by_name(scheme)
        began = time.perf_counter()
        sent = self._describer.extract(clip) if "description" in chosen.sections else NO_DESCRIPTION
        extractors: dict[Section, Callable[[], NDArray[np.float32]]] = {
            "first_frame": lambda: first_frame.extract(clip),
            "sketch": lambda: self._sketcher.extract(clip.video[:1]),
            "sketches": lambda: self._sketcher.extract(clip.video),
        }
        pictures = {section: extractors[section]() for section in chosen.sections if section in extractors}
        extracted = time.perf_counter()
        streams: list[video.Encoded] = []

        def digital(standard: Standard) -> NDArray[np.complex64]:
            codec = VideoCodec(standard, video_rate, VIDEO_MARGIN_DB)
            streams.append(codec.encode_with_details(clip.video, tx_snr_db))
            return streams[-1].symbols

        coders: dict[Section, Callable[[], NDArray[np.complex64]]] = {
            "description": lambda: text.encode(sent.data, text_mode),
            "first_frame": lambda: self._frame_codec.encode(pictures["first_frame"], tx_snr_db),
            "sketch": lambda: self._sketches_codec.encode(pictures["sketch"], tx_snr_db),
            "sketches": lambda: self._sketches_codec.encode(pictures["sketches"], tx_snr_db),
            "rgb": lambda: self._pictures(clip, tx_snr_db),
            "h264": lambda: digital(h26x.H264),
            "h265": lambda: digital(h26x.H265),
        }
        sections = {section: coders[section]() for section in chosen.sections}
        frames, height, width = clip.shape
        header = Header(
            scheme=chosen,
            clip=clip.number % burst.CLIP_NUMBERS,
            text_bytes=text.byte_count(sent.data, text_mode),
            frames=frames,
            height=height,
            width=width,
            text_mode=text_mode,
            video_mode=streams[0].mode if streams else 0,
        )
        made = burst.assemble(header, sections)
        done = time.perf_counter()
        seconds = {"extract": extracted - began, "encode": done - extracted}
        return Encoded(made, sent, pictures, all(stream.fits for stream in streams), seconds)

    @cached_property
    def _sketcher(self) -> Sketcher:
        """Loaded when the first sketch is sent: few schemes have one."""
        return sketch.load(self._sketch_by)

    @cached_property
    def _sketches_codec(self) -> SketchesCodec:
        return SketchesCodec.load()

    @cached_property
    def _rgb_codec(self) -> RgbCodec:
        """Read when the first clip is sent so: few are."""
        return RgbCodec.load()

    def _pictures(self, clip: Clip, tx_snr_db: float) -> NDArray[np.complex64]:
        """Every frame by itself, one after the other."""
        frames = clip.video.transpose(0, 3, 1, 2).astype(np.float32) / 255.0
        return np.concatenate([self._rgb_codec.encode(frame, tx_snr_db) for frame in frames])
