"""The receiver as a pure object: the samples of one burst in, a reconstruction out.

It knows what arrived and nothing else: no function here takes the source clip or what the transport says, and the true
SNR only where a comparison asks for a genie.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from common import burst, seeds
from common.burst import Header
from common.codecs import text
from common.codecs.djscc_frame import FrameCodec
from common.conventions import DEFAULT_SEED, FRAMES, SIZE, noise_variance
from receiver import generators
from receiver import header as header_reader
from receiver.estimate import Estimate, track
from receiver.generators.base import Conditions

Samples = NDArray[np.complex64]

GREY = 128

MAX_MAGNITUDE = 1e9
"""Samples beyond this come from no channel, and their powers would overflow float32."""


@dataclass(frozen=True)
class Reconstruction:
    """What the receiver made of one burst.

    ``video`` is uint8 (F, H, W, 3); mid-grey where nothing could be generated. ``failed`` names what did not arrive:
    "samples" (not finite, absurdly large, or too few), "header", "description". ``text`` is the description, or None
    where it was lost: a corrupted one is never given. ``frame`` is the received first frame, uint8 (H, W, 3), or None.
    """

    video: NDArray[np.uint8]
    header: Header | None
    snr_db: float | None
    text: str | None
    frame: NDArray[np.uint8] | None
    failed: tuple[str, ...] = ()
    generator: str | None = None
    seconds: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Received:
    """What arrived, before anything is generated. ``frame`` is float32 (3, H, W) in [0, 1]."""

    header: Header | None
    estimate: Estimate | None
    text: str | None = None
    frame: NDArray[np.float32] | None = None
    failed: tuple[str, ...] = ()


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
        # The decoder of the header is compiled when it is first used: now, rather than while the first burst waits.
        burst.decode_header(np.zeros(burst.HEADER_SYMBOLS, np.complex64), 1.0)

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
        Never raises for bad samples: what is wrong with them is in ``failed``.
        """
        began = time.perf_counter()
        received = self.listen(samples, genie_snr_db)
        listened = time.perf_counter()
        video = self._generate(received, steps or self._steps, self._guidance if guidance is None else guidance)
        done = time.perf_counter()
        return Reconstruction(
            video=_grey(received.header) if video is None else _to_bytes(video.transpose(0, 2, 3, 1)),
            header=received.header,
            snr_db=received.estimate.snr_db if received.estimate else None,
            text=received.text,
            frame=None if received.frame is None else _to_bytes(received.frame.transpose(1, 2, 0)),
            failed=received.failed,
            generator=None if video is None else self._generator.name,
            seconds={"decode": listened - began, "generate": done - listened},
        )

    def listen(self, samples: Samples, genie_snr_db: float | None = None) -> Received:
        """All of :meth:`decode` but the generation: what arrived."""
        if samples.ndim != 1 or samples.size < burst.PREAMBLE_SYMBOLS or not _usable(samples):
            return Received(None, None, failed=("samples",))

        def hear(estimate: Estimate) -> Estimate:
            return estimate if genie_snr_db is None else estimate.with_noise_power(noise_variance(genie_snr_db))

        heard = hear(header_reader.listen(samples))
        header = header_reader.read(samples, heard)
        if header is None or header.total_symbols != samples.size:
            return Received(None, heard, failed=("header",))
        # Each part that decodes is known from then on, so the next part is decoded with a better estimate.
        parts = header.layout()
        places = np.concatenate([parts["pilots"], parts["header"]])
        known = np.concatenate([burst.known_pilots(header), burst.encode_header(header)])
        heard = hear(track(samples, places, known))
        symbols, variance = heard.equalise(samples, parts["description"])
        description = text.decode(symbols, header.text_bytes, variance, header.text_mode)
        if description is not None and header.text_bytes:
            places = np.concatenate([places, parts["description"]])
            known = np.concatenate([known, text.encode(description.encode(), header.text_mode)])
            heard = hear(track(samples, places, known))
        frame = None
        if "first_frame" in parts:
            symbols, snr_db = heard.equalise_together(samples, parts["first_frame"])
            frame = self._frame_codec.decode(symbols, snr_db, header.height, header.width)
        return Received(header, heard, description, frame, () if description is not None else ("description",))

    def _generate(self, received: Received, steps: int | None, guidance: float | None) -> NDArray[np.float32] | None:
        header = received.header
        if header is None or received.estimate is None or (received.text is None and received.frame is None):
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


def _usable(samples: Samples) -> bool:
    """Whether all samples are finite and of a size that can be reckoned with."""
    return bool((np.abs(samples.view(np.float32)) <= MAX_MAGNITUDE).all())


def _grey(header: Header | None) -> NDArray[np.uint8]:
    frames, height, width = header.shape if header else (FRAMES, SIZE, SIZE)
    return np.full((frames, height, width, 3), GREY, dtype=np.uint8)


def _to_bytes(values: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Values in [0, 1] as uint8, rounded to nearest, C-contiguous."""
    return np.ascontiguousarray(np.rint(np.clip(values, 0.0, 1.0) * 255.0).astype(np.uint8))
