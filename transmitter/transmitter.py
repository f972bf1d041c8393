"""The transmitter as a pure object: one clip in, one burst of symbols out."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from common import burst
from common.burst import Burst, Header
from common.clip import Clip
from common.codecs import text
from common.codecs.djscc_frame import FrameCodec
from common.conventions import check_snr_db
from common.schemes import Section, by_name
from transmitter.extract import description, first_frame
from transmitter.extract.description import Description

DEFAULT_SCHEME: Final = "first-frame-desc"


@dataclass(frozen=True)
class Encoded:
    """A burst and what went into it: the description that was sent, and seconds per stage {extract, encode}."""

    burst: Burst
    description: Description
    seconds: dict[str, float] = field(default_factory=dict)


class Transmitter:
    """Extracts what a scheme sends of a clip and codes it into symbols. Holds weights, no state between clips."""

    def __init__(self, describe: str = description.DEFAULT) -> None:
        """Loads the codecs and the describer ``describe``, of description.NAMES.

        Raises SettingError, WeightsError, PackageError.
        """
        self._frame_codec = FrameCodec.load()
        self._describer = description.load(describe)

    def encode(
        self, clip: Clip, tx_snr_db: float, scheme: str = DEFAULT_SCHEME, text_mode: int = text.DEFAULT_MODE
    ) -> Burst:
        """The burst for one clip, for a channel that the transmitter believes to have ``tx_snr_db`` (Es/N0 in dB).

        ``text_mode`` is the number of one of text.MODES. Raises SchemeError, SettingError, BurstError.
        """
        return self.encode_with_details(clip, tx_snr_db, scheme, text_mode).burst

    def encode_with_details(
        self, clip: Clip, tx_snr_db: float, scheme: str = DEFAULT_SCHEME, text_mode: int = text.DEFAULT_MODE
    ) -> Encoded:
        """As ``encode``, with the description that was sent and the time each stage took."""
        tx_snr_db = check_snr_db(tx_snr_db, "tx_snr_db")
        chosen = by_name(scheme)
        began = time.perf_counter()
        sent = self._describer.extract(clip)
        frame = first_frame.extract(clip)
        extracted = time.perf_counter()
        coders: dict[Section, Callable[[], NDArray[np.complex64]]] = {
            "description": lambda: text.encode(sent.data, text_mode),
            "first_frame": lambda: self._frame_codec.encode(frame, tx_snr_db),
        }
        frames, height, width = clip.shape
        header = Header(
            scheme=chosen,
            clip=clip.number % burst.CLIP_NUMBERS,
            text_bytes=text.byte_count(sent.data, text_mode),
            frames=frames,
            height=height,
            width=width,
            text_mode=text_mode,
        )
        made = burst.assemble(header, {section: coders[section]() for section in chosen.sections})
        done = time.perf_counter()
        return Encoded(made, sent, {"extract": extracted - began, "encode": done - extracted})
