"""A reconstruction, and what of its burst arrived."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from common import wire
from common.errors import ProtocolError
from gvsc.client import pictures


@dataclass(frozen=True)
class ArrivedSection:
    """One section of a burst as the receiver decoded it.

    Attributes:
        name: of the section; ``modality`` is what it holds, such as "frame" or "sketch".
        picture: what a person sees of it, uint8 [H, W, 3] or [H, W]; None where it has none, or none arrived.
        snr_db: Es/N0 of the section's own symbols as the receiver estimates it, in dB; None where it does not tell.
        failed: whether all or part of it did not arrive.
    """

    name: str
    modality: str
    picture: NDArray[np.uint8] | None = None
    snr_db: float | None = None
    failed: bool = False

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the picture; () where there is none."""
        return () if self.picture is None else self.picture.shape


@dataclass(frozen=True)
class Result:
    """What one receiver made of one burst.

    Attributes:
        session: the life of the transmitter, 16 hexadecimal digits; ``seq`` counts its bursts from 0.
        receiver: name of the receiver.
        clip: number of the clip modulo 128, from the burst's header; None where that was lost. So is ``scheme``.
        snr_db: Es/N0 as the receiver estimates it, in dB; None where it cannot.
        text: the decoded description; None where it was lost or no header was read, "" where none was sent.
        text_ok: whether ``text`` is not None.
        failed: names of what did not arrive ("header", a section); () where all did.
        generator: name of what made the video; None where it was decoded, or nothing could be made.
        task: what it was made from, such as "frame-text"; None where nothing was generated.
        seconds: stage -> seconds it took.
        gaps: bursts that never reached this receiver so far.
        sections: section -> what arrived of it, of all sections of the scheme.
        video: [F, H, W, 3] uint8.
    """

    session: str
    seq: int
    receiver: str
    clip: int | None
    scheme: str | None
    snr_db: float | None
    text: str | None
    text_ok: bool
    failed: tuple[str, ...]
    generator: str | None
    task: str | None
    seconds: Mapping[str, float]
    gaps: int
    sections: Mapping[str, ArrivedSection]
    video: NDArray[np.uint8]


def from_message(message: wire.Message) -> Result:
    """The reconstruction in a message of the kind "result". Raises ProtocolError where its fields do not make one."""
    header = message.header
    if not isinstance(header["clip"], int | None) or isinstance(header["clip"], bool):
        raise ProtocolError("result: a clip's number is whole")
    images = pictures.of_sections(message)
    sections = {
        about["name"]: ArrivedSection(
            about["name"], about["modality"], images.get(about["name"]), about["snr_db"], about["failed"]
        )
        for about in header["sections"]
    }
    return Result(
        session=header["session"],
        seq=header["seq"],
        receiver=header["receiver"],
        clip=header["clip"],
        scheme=header["scheme"],
        snr_db=header["snr_db"],
        text=header["text"],
        text_ok=header["text_ok"],
        failed=tuple(header["failed"]),
        generator=header["generator"],
        task=header["task"],
        seconds=header["seconds"],
        gaps=header["gaps"],
        sections=sections,
        video=pictures.video(message),
    )
