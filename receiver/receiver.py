"""The receiver as a pure object: the samples of one burst in, a reconstruction out.

It knows what arrived and nothing else: no function here takes the source clip or what the transport says, and the true
SNR only where a comparison asks for a genie.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from common import burst, seeds
from common.burst import Header
from common.codecs import h26x, text
from common.codecs.djscc_frame import FrameCodec
from common.codecs.djscc_rgb import RgbCodec
from common.codecs.video import VideoCodec
from common.conventions import DEFAULT_SEED, FRAMES, SIZE
from common.errors import GvscError
from common.modulation import qam
from receiver import generators
from receiver.estimate import Estimate
from receiver.generators.base import Conditions
from receiver.listen import listen, sharpened

Samples = NDArray[np.complex64]

GREY = 128


@dataclass(frozen=True)
class Reconstruction:
    """What the receiver made of one burst.

    ``video`` is uint8 (F, H, W, 3); mid-grey where nothing could be generated. ``failed`` names what did not arrive:
    "samples" (not finite, absurdly large, or too few), "header", "description", "video" (frames of it are missing); or
    "generator", where that cannot make such a clip: ``trouble`` is what it said, or a decoder. ``text`` is the
    description, "" where none was sent, or None where it was lost, as far as CRC-16 and correlation can tell
    (:mod:`common.coding.block`). ``frame`` is the received first frame, uint8 (H, W, 3), or None. ``generator`` is
    None, too, where the scheme sends all frames and nothing is generated.
    """

    video: NDArray[np.uint8]
    header: Header | None
    snr_db: float | None
    text: str | None
    frame: NDArray[np.uint8] | None
    failed: tuple[str, ...] = ()
    generator: str | None = None
    trouble: GvscError | None = None
    seconds: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Received:
    """What arrived, before anything is generated. ``frame`` is float32 (3, H, W) in [0, 1].

    ``video`` is what a scheme that sends all frames shows, uint8 (F, H, W, 3). ``trouble`` is why it cannot be decoded.
    """

    header: Header | None
    estimate: Estimate | None
    text: str | None = None
    frame: NDArray[np.float32] | None = None
    video: NDArray[np.uint8] | None = None
    failed: tuple[str, ...] = ()
    trouble: GvscError | None = None


class Receiver:
    """Decodes bursts and generates video from what they held. Holds weights, no state between bursts."""

    def __init__(
        self,
        *,
        seed: int = DEFAULT_SEED,
        generator: str = "mini",
        steps: int | None = None,
        guidance: float | None = None,
    ) -> None:
        """Loads codecs and generator. ``steps`` and ``guidance`` (ω of eq. 2) default to the generator's own.

        Raises WeightsError, SettingError.
        """
        self._seed = seed
        self._steps = steps
        self._guidance = guidance
        self._frame_codec = FrameCodec.load()
        self._generator = generators.load(generator)
        # Decoders are compiled when they are first used: now, rather than while the first burst waits.
        burst.decode_header(np.zeros(burst.HEADER_SYMBOLS, np.complex64), 1.0)
        text.decode(np.zeros(text.symbol_count(1), np.complex64), 1, 1.0)

    def decode(
        self,
        samples: Samples,
        *,
        steps: int | None = None,
        guidance: float | None = None,
        genie_snr_db: float | None = None,
    ) -> Reconstruction:
        """The reconstruction from the samples of one burst, complex64 (n,) from its first pilot to its last symbol.

        ``steps`` and ``guidance`` override the receiver's own for this burst. ``genie_snr_db`` is the channel's true
        SNR, for comparisons alone: the noise power is then not estimated (the gain still is). No process gives it.
        Never raises for what was received: what is wrong with it, a header included that asks for a clip that the
        generator cannot make, is in ``failed``.
        """
        began = time.perf_counter()
        received = self.listen(samples, genie_snr_db)
        listened = time.perf_counter()
        failed, trouble = received.failed, received.trouble
        generated = None
        try:
            generated = self._generate(received, steps or self._steps, self._guidance if guidance is None else guidance)
        except GvscError as error:
            failed, trouble = (*failed, "generator"), error
        video = received.video if generated is None else _to_bytes(generated.transpose(0, 2, 3, 1))
        done = time.perf_counter()
        return Reconstruction(
            video=_grey(received.header) if video is None else video,
            header=received.header,
            snr_db=received.estimate.snr_db if received.estimate else None,
            text=received.text,
            frame=None if received.frame is None else _to_bytes(received.frame.transpose(1, 2, 0)),
            failed=failed,
            trouble=trouble,
            generator=None if generated is None else self._generator.name,
            seconds={"decode": listened - began, "generate": done - listened},
        )

    def listen(self, samples: Samples, genie_snr_db: float | None = None) -> Received:
        """All of :meth:`decode` but the generation: what arrived."""
        heard = listen(samples, genie_snr_db)
        estimate = sharpened(samples, heard, genie_snr_db)
        received = Received(heard.header, estimate, heard.text, failed=heard.failed)
        header = heard.header
        if header is None or estimate is None:
            return received
        for section, places in header.layout().items():
            match section:
                case "first_frame":
                    symbols, snr_db = estimate.equalise_together(samples, places)
                    frame = self._frame_codec.decode(symbols, snr_db, header.height, header.width)
                    received = replace(received, frame=frame)
                case "rgb":
                    symbols, snr_db = estimate.equalise_together(samples, places)
                    received = replace(received, video=self._pictures(symbols, snr_db, header))
                case "h264" | "h265":
                    symbols, variance = estimate.equalise(samples, places)
                    codec = VideoCodec(h26x.STANDARDS[section])
                    snrs_db = -10.0 * np.log10(np.maximum(variance, qam.LEAST_NOISE_VARIANCE))
                    try:
                        made = codec.decode_with_details(symbols, snrs_db, header.shape, header.video_mode)
                    except GvscError as error:
                        received = replace(received, failed=(*received.failed, "video"), trouble=error)
                    else:
                        lost = () if made.there.all() else ("video",)
                        received = replace(received, video=made.video, failed=(*received.failed, *lost))
        return received

    @cached_property
    def _rgb_codec(self) -> RgbCodec:
        """Read when the first burst has such a section: few have."""
        return RgbCodec.load()

    def _pictures(self, symbols: Samples, snr_db: float, header: Header) -> NDArray[np.uint8]:
        """Every frame by itself: uint8 (F, H, W, 3)."""
        sent = symbols.reshape(header.frames, -1)
        frames = [self._rgb_codec.decode(frame, snr_db, header.height, header.width) for frame in sent]
        return _to_bytes(np.stack(frames).transpose(0, 2, 3, 1))

    def _generate(self, received: Received, steps: int | None, guidance: float | None) -> NDArray[np.float32] | None:
        header = received.header
        if header is None or received.estimate is None or "description" not in header.scheme.sections:
            return None
        if received.text is None and received.frame is None:
            return None
        conditions = Conditions(
            description=received.text,
            first_frame=received.frame,
            snr_db=received.estimate.snr_db,
            frames=header.frames,
            height=header.height,
            width=header.width,
        )
        seed = seeds.derive(self._seed, header.clip, "generate")
        return self._generator.generate(conditions, seed, steps, guidance)


def _grey(header: Header | None) -> NDArray[np.uint8]:
    frames, height, width = header.shape if header else (FRAMES, SIZE, SIZE)
    return np.full((frames, height, width, 3), GREY, dtype=np.uint8)


def _to_bytes(values: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Values in [0, 1] as uint8, rounded to nearest, C-contiguous."""
    return np.ascontiguousarray(np.rint(np.clip(values, 0.0, 1.0) * 255.0).astype(np.uint8))
