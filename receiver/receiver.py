"""The receiver as a pure object: the samples of one burst in, a reconstruction out.

It knows what arrived and nothing else: no function here takes the source clip or what the transport says, and the true
SNR only where a comparison asks for a genie.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from common import burst, seeds
from common.burst import Header
from common.codecs import h26x, text
from common.codecs.djscc_frame import FrameCodec
from common.codecs.djscc_rgb import RgbCodec
from common.codecs.sketches import SketchesCodec
from common.codecs.video import VideoCodec
from common.conventions import DEFAULT_SEED, FRAMES, SIZE
from common.errors import GvscError
from common.modulation import qam
from receiver import generators, policy
from receiver.estimate import Estimate
from receiver.generators.base import Conditions, Generator, Role
from receiver.listen import listen, sharpened

Samples = NDArray[np.complex64]

GREY = 128


@dataclass(frozen=True)
class Reconstruction:
    """What the receiver made of one burst.

    ``video`` is uint8 (F, H, W, 3); where nothing could be generated, the pictures that arrived, or else mid-grey.
    ``failed`` names what did not arrive: "samples" (not finite, absurdly large, or too few), "header", "description",
    "video" (frames of it are missing); or "generator", where none can make such a clip: ``trouble`` is why, or what a
    decoder said. ``text`` is the description, "" where none was sent, or None where it was lost, as far as CRC-16 and
    correlation can tell (:mod:`common.coding.block`). ``frame`` is the received first frame, uint8 (H, W, 3), or None;
    ``sketches`` are the received sketches, uint8 (S, H, W), or None. ``generator`` is who made the video and ``role``
    what of; both are None, too, where the scheme sends all frames and nothing is generated.
    """

    video: NDArray[np.uint8]
    header: Header | None
    snr_db: float | None
    text: str | None
    frame: NDArray[np.uint8] | None
    failed: tuple[str, ...] = ()
    generator: str | None = None
    role: Role | None = None
    sketches: NDArray[np.uint8] | None = None
    trouble: GvscError | None = None
    seconds: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Received:
    """What arrived, before anything is generated. ``frame`` is float32 (3, H, W) in [0, 1], ``sketches`` (S, H, W).

    ``pictures_snr_db`` is the SNR that these came through, as far as the receiver can tell: in fading not quite the
    burst's. ``video`` is what a scheme that sends all frames shows, uint8 (F, H, W, 3). ``trouble`` is why it cannot be
    decoded.
    """

    header: Header | None
    estimate: Estimate | None
    text: str | None = None
    frame: NDArray[np.float32] | None = None
    sketches: NDArray[np.float32] | None = None
    pictures_snr_db: float | None = None
    video: NDArray[np.uint8] | None = None
    failed: tuple[str, ...] = ()
    trouble: GvscError | None = None


class Receiver:
    """Decodes bursts and generates video from what they held. Holds weights, no state between bursts."""

    def __init__(
        self,
        *,
        seed: int = DEFAULT_SEED,
        generator: Sequence[str] = (),
        steps: int | None = None,
        guidance: float | None = None,
        load: Callable[[str], Generator] = generators.load,
        least_snr_db: Mapping[Role, float] = policy.LEAST_SNR_DB,
    ) -> None:
        """Loads codecs and generators. ``generator`` are the words of ``--generator``, ``load`` loads one by its name.

        ``steps`` and ``guidance`` (ω of eq. 2) default to the generator's own; ``least_snr_db`` is the policy's. Raises
        WeightsError, SettingError.
        """
        self._seed = seed
        self._steps = steps
        self._guidance = guidance
        self._frame_codec = FrameCodec.load()
        self._generators = policy.serving((generator,) if isinstance(generator, str) else generator, load)
        self._least_snr_db = least_snr_db
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
        made = self.rebuild(received, steps=steps, guidance=guidance)
        return replace(made, seconds={"decode": listened - began, **made.seconds})

    @property
    def serves(self) -> dict[Role, str]:
        """The name of the generator of each role that there is one for."""
        return {role: generator.name for role, generator in self._generators.items()}

    def rebuild(self, received: Received, *, steps: int | None = None, guidance: float | None = None) -> Reconstruction:
        """All of :meth:`decode` but the listening: what is made of what arrived, as the policy says."""
        began = time.perf_counter()
        failed, trouble = received.failed, received.trouble
        generated = role = None
        try:
            arrived = _conditions(received)
            if arrived is not None:
                role, generated = self._generate(arrived, received, steps, guidance)
        except GvscError as error:
            failed, trouble = (*failed, "generator"), error
        video = as_arrived(received) if generated is None else _to_bytes(generated.transpose(0, 2, 3, 1))
        done = time.perf_counter()
        return Reconstruction(
            video=video,
            header=received.header,
            snr_db=received.estimate.snr_db if received.estimate else None,
            text=received.text,
            frame=None if received.frame is None else _to_bytes(received.frame.transpose(1, 2, 0)),
            sketches=None if received.sketches is None else _to_bytes(received.sketches),
            failed=failed,
            trouble=trouble,
            generator=None if role is None else self._generators[role].name,
            role=role,
            seconds={"generate": done - began},
        )

    def _generate(
        self, arrived: Conditions, received: Received, steps: int | None, guidance: float | None
    ) -> tuple[Role, NDArray[np.float32]]:
        """The role of what was built from, and what was built."""
        assert received.header is not None
        used = policy.plan(arrived, self._generators, self._least_snr_db)
        if used is None:
            raise policy.unserved(arrived, self._generators)
        clip = self._generators[used.role].generate(
            used,
            seeds.derive(self._seed, received.header.clip, "generate"),
            steps or self._steps,
            self._guidance if guidance is None else guidance,
        )
        return used.role, clip

    def listen(self, samples: Samples, genie_snr_db: float | None = None) -> Received:
        """All of :meth:`decode` but the generation: what arrived."""
        heard = listen(samples, genie_snr_db)
        estimate = sharpened(samples, heard, genie_snr_db)
        header = heard.header
        received = Received(header, estimate, heard.text, failed=heard.failed)
        if header is None or estimate is None:
            return received
        received = replace(received, pictures_snr_db=estimate.snr_db)
        for section, places in header.layout().items():
            match section:
                case "first_frame":
                    symbols, snr_db = estimate.equalise_together(samples, places)
                    frame = self._frame_codec.decode(symbols, snr_db, header.height, header.width)
                    received = replace(received, frame=frame, pictures_snr_db=snr_db)
                case "sketch" | "sketches":
                    symbols, snr_db = estimate.equalise_together(samples, places)
                    count = 1 if section == "sketch" else header.frames
                    sketches = self._sketches_codec.decode(symbols, snr_db, count, header.height, header.width)
                    received = replace(received, sketches=sketches, pictures_snr_db=snr_db)
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
    def _sketches_codec(self) -> SketchesCodec:
        return SketchesCodec.load()

    @cached_property
    def _rgb_codec(self) -> RgbCodec:
        """Read when the first burst has such a section: few have."""
        return RgbCodec.load()

    def _pictures(self, symbols: Samples, snr_db: float, header: Header) -> NDArray[np.uint8]:
        """Every frame by itself: uint8 (F, H, W, 3)."""
        sent = symbols.reshape(header.frames, -1)
        frames = [self._rgb_codec.decode(frame, snr_db, header.height, header.width) for frame in sent]
        return _to_bytes(np.stack(frames).transpose(0, 2, 3, 1))


def _conditions(received: Received) -> Conditions | None:
    """What there is to build from; None where there is nothing, or the scheme sends all frames."""
    header = received.header
    if header is None or "description" not in header.scheme.sections:
        return None
    if received.text is None and received.frame is None and received.sketches is None:
        return None
    return Conditions(
        description=received.text,
        first_frame=received.frame,
        sketches=received.sketches,
        snr_db=received.pictures_snr_db,
        frames=header.frames,
        height=header.height,
        width=header.width,
    )


def as_arrived(received: Received) -> NDArray[np.uint8]:
    """What there is to see of a burst with nothing generated, uint8 (F, H, W, 3): the decoded video; the first frame or
    a sketch, held; each frame's sketch; or mid-grey."""
    video = _grey(received.header)
    if received.video is not None:
        return received.video
    if received.frame is not None:
        video[:] = _to_bytes(received.frame.transpose(1, 2, 0))
    elif received.sketches is not None:
        video[:] = _to_bytes(received.sketches)[..., None]
    return video


def _grey(header: Header | None) -> NDArray[np.uint8]:
    frames, height, width = header.shape if header else (FRAMES, SIZE, SIZE)
    return np.full((frames, height, width, 3), GREY, dtype=np.uint8)


def _to_bytes(values: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Values in [0, 1] as uint8, rounded to nearest, C-contiguous."""
    return np.ascontiguousarray(np.rint(np.clip(values, 0.0, 1.0) * 255.0).astype(np.uint8))
