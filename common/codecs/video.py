"""The digital codecs ``h264-ldpc`` and ``h265-ldpc``: a coded clip, 5G LDPC and QAM, in an exact number of symbols.

What separate source and channel coding does, for comparison (paper, IV-A): a bitstream of at most the bytes that the
symbols carry (:mod:`common.codecs.h26x`), zeros behind it, segments with a CRC each (:mod:`common.coding.transport`).
What the receiver has to be told besides is the mode (:mod:`common.codecs.video_mode`), four bits of the burst's header.
One picture is a clip of one frame, coded intra.

A segment that does not arrive ends the clip there: its frames and those behind it are concealed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from common.codecs import h26x, video_mode
from common.codecs.h26x import Decoded, Standard
from common.coding import bits as bit_vectors
from common.coding import transport
from common.conventions import check_snr_db
from common.errors import BurstError, ClipError, SchemeError

Symbols = NDArray[np.complex64]

MULTIPLE = 16
"""Heights and widths are multiples of this."""


@dataclass(frozen=True)
class Encoded:
    """``symbols`` complex64 (n,); ``mode`` is a number of video_mode.MODES, which the receiver has to be told.

    ``byte_count`` bytes of stream are in it, of ``byte_budget`` that it carries, coded at ``level`` of h26x.LEVELS.
    ``fits`` is False where frames had to be left out: for whoever compares, this clip is a failure.
    """

    symbols: Symbols
    mode: int
    fits: bool
    byte_count: int
    byte_budget: int
    level: float


@dataclass(frozen=True)
class VideoCodec:
    """A clip, or a picture, to symbols and back. Deterministic; holds no state between clips.

    ``rate`` is one of video_mode.RATES. With ``adaptive`` the SNR must lie ``margin_db`` above a mode's threshold.
    """

    standard: Standard
    rate: str = video_mode.DEFAULT_RATE
    margin_db: float = 0.0

    @property
    def name(self) -> str:
        """As the scheme is called."""
        return f"{self.standard.name}-ldpc"

    def encode(self, video: NDArray[np.uint8], tx_snr_db: float, symbol_count: int | None = None) -> Symbols:
        """``symbol_count`` complex symbols, complex64, for a clip uint8 (F, H, W, 3): by default CBR 0.008.

        ``tx_snr_db`` is what the transmitter believes the SNR to be: the adaptive rate hangs on it. 4-QAM has mean
        power 1; 16- and 64-QAM as near as random points have it. Raises ClipError for another shape, SettingError for
        the SNR, SchemeError for the rate, or where the symbols carry less than one byte (as of one picture of 32×32, or
        four of 16×16) or the encoder refuses the clip, PackageError without Sionna or x265.
        """
        return self.encode_with_details(video, tx_snr_db, symbol_count).symbols

    def encode_with_details(
        self, video: NDArray[np.uint8], tx_snr_db: float, symbol_count: int | None = None
    ) -> Encoded:
        """As ``encode``, with the mode, and whether the clip fitted. Raises the same."""
        frames, height, width = _checked(video)
        mode = video_mode.choose(self.rate, check_snr_db(tx_snr_db, "tx_snr_db"), self.margin_db)
        count = video_mode.symbol_count(frames, height, width) if symbol_count is None else symbol_count
        budget = video_mode.byte_count(count, mode)
        if budget < 1:
            what = f"a clip of {frames} {'frame' if frames == 1 else 'frames'} of {width}×{height}"
            remedy = "a larger one" if symbol_count is None else "more symbols"
            name = video_mode.MODES[mode].name
            raise SchemeError(f"{what} has {count} symbols: less than one byte at {name}; send {remedy}")
        coded = h26x.encode(video, self.standard, budget)
        payload = bit_vectors.from_bytes(coded.data.ljust(budget, b"\0"))
        symbols = transport.encode(payload, count, video_mode.MODES[mode].bits_per_symbol)
        return Encoded(symbols, mode, coded.fits, len(coded.data), budget, coded.level)

    def decode(
        self, symbols: ArrayLike, snr_db: ArrayLike, shape: tuple[int, int, int], mode: int
    ) -> NDArray[np.uint8]:
        """The clip, uint8 (F, H, W, 3), of ``shape`` = (F, H, W): whatever arrived, the rest concealed.

        ``symbols`` complex (n,) at gain 1; ``snr_db`` theirs, a number or one for each symbol; ``mode`` from the
        header. Never raises for what arrived: BurstError for a mode there is not, PackageError without Sionna.
        """
        return self.decode_with_details(symbols, snr_db, shape, mode).video

    def decode_with_details(
        self, symbols: ArrayLike, snr_db: ArrayLike, shape: tuple[int, int, int], mode: int
    ) -> Decoded:
        """As ``decode``, with which frames were there."""
        if not 0 <= mode < len(video_mode.MODES):
            raise BurstError(f"a video mode is a number 0 to {len(video_mode.MODES) - 1}, not {mode}")
        received = np.asarray(symbols, dtype=np.complex64)
        variance = 10.0 ** (-0.1 * np.asarray(snr_db, dtype=np.float64))
        budget = video_mode.byte_count(received.size, mode)
        data = b""
        if budget:
            arrived = transport.decode(received, 8 * budget, variance, video_mode.MODES[mode].bits_per_symbol).prefix
            data = bit_vectors.to_bytes(arrived[: arrived.size // 8 * 8])
        return h26x.decode(data, self.standard, *shape)


H264_LDPC = VideoCodec(h26x.H264)
H265_LDPC = VideoCodec(h26x.H265)


def _checked(video: NDArray[np.uint8]) -> tuple[int, int, int]:
    """(F, H, W) of a clip that can be coded."""
    if video.dtype != np.uint8 or video.ndim != 4 or video.shape[3] != 3 or not len(video):
        raise ClipError(f"a clip must be uint8 (frames, height, width, 3), not {video.dtype} {video.shape}")
    frames, height, width, _ = video.shape
    if height % MULTIPLE or width % MULTIPLE or not height or not width:
        raise ClipError(f"both sides of a clip must be multiples of {MULTIPLE}, not {width}×{height}; resize it")
    return frames, height, width
