"""A clip as the transmitter sends it: the source, before any coding."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from common import wire
from gvsc.client import pictures


@dataclass(frozen=True)
class Preview:
    """One source clip, published when its burst leaves the transmitter. The receiver never gets it.

    Attributes:
        session: the life of the transmitter, 16 hexadecimal digits; ``seq`` counts its bursts from 0.
        clip: number of the clip, from 0.
        name: of the clip, such as its file's.
        caption: what came with the clip; "" where nothing did.
        sent: the description on the air; "" where none is sent.
        scheme: name of the scheme.
        modes: section -> how it is coded, such as "1/3"; sections without a choice are left out.
        tx_snr_db: Es/N0 that the transmitter believed when it encoded, in dB.
        seconds: stage -> seconds it took.
        video: [F, H, W, 3] uint8.
    """

    session: str
    seq: int
    clip: int
    name: str
    caption: str
    sent: str
    scheme: str
    modes: Mapping[str, str]
    tx_snr_db: float
    seconds: Mapping[str, float]
    video: NDArray[np.uint8]

    @property
    def mode(self) -> str:
        """All modes in words, such as "1/3"; "" where there is no choice."""
        return ", ".join(self.modes.values())


def from_message(message: wire.Message) -> Preview:
    """The clip in a message of the kind "preview". Raises ProtocolError where its fields do not make one."""
    header = message.header
    return Preview(
        session=header["session"],
        seq=header["seq"],
        clip=header["clip"],
        name=header["name"],
        caption=header["caption"],
        sent=header["sent"],
        scheme=header["scheme"],
        modes=header["modes"],
        tx_snr_db=header["tx_snr_db"],
        seconds=header["seconds"],
        video=pictures.video(message),
    )
