"""First frame and text: how near to the source, beside repeating the received frame; and does the caption steer it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from common.codecs.djscc_frame import FrameCodec
from gvsc.bench.codec import air
from gvsc.bench.generator.cases import SIDEWAYS, Case, direction
from gvsc.bench.generator.judges import Judges
from gvsc.bench.generator.keep import Keep
from gvsc.bench.generator.maker import Maker
from gvsc.bench.generator.rates import with_intervals
from gvsc.evaluation.metrics.psnr import psnr
from gvsc.training.generator import mirror
from receiver.generators.base import Conditions

SNRS_DB: Final = (20.0, 10.0, 0.0)
HEADLINE_DB: Final = 10.0
"""The SNR of the figures that stand for the part; the first one where it is not among those asked for."""


@dataclass(frozen=True)
class Received:
    """A first frame (3, H, W) in [0, 1] as it arrived, and the SNR in dB that the receiver estimated."""

    frame: NDArray[np.float32]
    snr_db: float

    def conditions(self, caption: str) -> Conditions:
        return Conditions.of(description=caption, first_frame=self.frame, snr_db=self.snr_db)

    def repeated(self, frames: int) -> NDArray[np.uint8]:
        """The clip (F, H, W, 3) that shows it all the time."""
        pixels = np.rint(np.clip(self.frame, 0, 1) * 255).astype(np.uint8).transpose(1, 2, 0)
        return np.broadcast_to(pixels, (frames, *pixels.shape))


def receive(codec: FrameCodec, case: Case, snr_db: float, seed: int) -> Received:
    """The first frame of a case through codec and noise; the transmitter knows the SNR, the receiver estimates it."""
    frame = np.ascontiguousarray(case.video[0].transpose(2, 0, 1), np.float32) / np.float32(255)
    rng = np.random.default_rng([seed, case.number, round(100 * (snr_db + 100))])
    symbols, estimated_db = air.send(codec.encode(frame, snr_db), snr_db, rng)
    return Received(codec.decode(symbols, estimated_db, *frame.shape[1:]), estimated_db)


def rebuilt(
    maker: Maker,
    codec: FrameCodec,
    cases: Sequence[Case],
    snrs_db: Sequence[float],
    part: str,
    keep: Keep,
    tell: Callable[[str], None],
) -> dict[str, Any]:
    """``{psnr, psnr_static, gain_db, motion_ratio}`` at the headline SNR, and ``by_snr_db`` at each.

    PSNRs are means over the clips of `gvsc.evaluation.metrics.psnr`; ``psnr_static`` is that of the received frame,
    repeated; ``motion_ratio`` the mean inter-frame difference of what was made over that of the sources.
    """
    by_snr = {}
    for snr_db in snrs_db:
        made_db, static_db, made_moves, source_moves = [], [], [], []
        for done, case in enumerate(cases, 1):
            received = receive(codec, case, snr_db, maker.seed)
            made, still = maker.make(received.conditions(case.caption), case.number), received.repeated(len(case.video))
            made_db.append(psnr(case.video, made))
            static_db.append(psnr(case.video, still))
            made_moves.append(moves(made))
            source_moves.append(moves(case.video))
            keep.pair(
                f"{part}_{snr_db:g}dB",
                case,
                made,
                good=made_db[-1] > static_db[-1],
                note=f"frame at {snr_db:g} dB; repeated {static_db[-1]:.2f} dB",
                metrics={"psnr": made_db[-1]},
                shown=snr_db == headline(snrs_db),
            )
            if done % 10 == 0 or done == len(cases):
                means = f"{np.mean(made_db):.2f} dB, repeated {np.mean(static_db):.2f} dB"
                tell(f"{part} at {snr_db:g} dB: {done} of {len(cases)}: {means}")
        by_snr[f"{snr_db:g}"] = {
            "psnr": round(float(np.mean(made_db)), 3),
            "psnr_static": round(float(np.mean(static_db)), 3),
            "gain_db": round(float(np.mean(made_db) - np.mean(static_db)), 3),
            "motion_ratio": round(float(np.sum(made_moves) / max(float(np.sum(source_moves)), 1e-9)), 4),
        }
    at = headline(snrs_db)
    return {**by_snr[f"{at:g}"], "snr_db": at, "clips": len(cases), "by_snr_db": by_snr}


def turned(
    maker: Maker,
    codec: FrameCodec,
    judges: Judges,
    cases: Sequence[Case],
    snr_db: float,
    keep: Keep,
    tell: Callable[[str], None],
) -> dict[str, Any]:
    """Whether the caption steers: what judges say of clips from the same frame under the caption, and with its left and
    right exchanged.

    ``flip_turns`` is the share of clips that go as told by the caption and the other way by the exchanged one;
    ``flip_follows`` and ``flip_opposite`` are each by itself.
    """
    follows, opposite = [], []
    for done, case in enumerate(cases, 1):
        goes = direction(case.right) if case.right is not None else None
        if goes is None or goes[1] not in SIDEWAYS:
            raise ValueError(f"{case.name} does not go sideways")
        question, told = goes
        received = receive(codec, case, snr_db, maker.seed)
        swapped = replace(case, caption=mirror.caption(case.caption))
        clips = [maker.make(received.conditions(asked.caption), case.number) for asked in (case, swapped)]
        said = [judges.judge(clip)[question] for clip in clips]
        follows.append(said[0] == told)
        opposite.append(said[1] == SIDEWAYS[told])
        good = follows[-1] and opposite[-1]
        keep.pair("flip_as_told", case, clips[0], good=follows[-1], note=f"seen: {said[0]}", shown=False)
        note = f"left and right exchanged; seen: {said[1]}"
        keep.pair("flip", swapped, clips[1], good=good, note=note)
        if done % 10 == 0 or done == len(cases):
            tell(f"left and right exchanged: {done} of {len(cases)}: {sum(opposite)} turned")
    both = [a and b for a, b in zip(follows, opposite, strict=True)]
    return with_intervals({"flip_turns": both, "flip_follows": follows, "flip_opposite": opposite})


def headline(snrs_db: Sequence[float]) -> float:
    return HEADLINE_DB if HEADLINE_DB in snrs_db else snrs_db[0]


def moves(video: NDArray[np.uint8]) -> float:
    """Mean absolute difference from each frame to the next, of 255."""
    return float(np.abs(np.diff(video.astype(np.int16), axis=0)).mean())
