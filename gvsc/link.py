"""The whole link in one process: the same three objects that the services wrap, composed."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from channel.channel import Channel
from common.clip import Clip
from common.conventions import DEFAULT_SEED
from common.sections.base import Options
from receiver.receiver import Receiver, Reconstruction
from transmitter.transmitter import Encoded, Transmitter


@dataclass(frozen=True)
class LinkRun:
    """One clip through the link. ``received`` is complex64 (n,); ``passage`` the report of ``Channel.apply_with``;
    ``seconds`` are those of extract, encode, channel, decode, generate."""

    clip: Clip
    encoded: Encoded
    received: NDArray[np.complex64]
    passage: dict[str, Any]
    reconstruction: Reconstruction
    seconds: dict[str, float]


class Link:
    """Transmitter, channel and receiver in one process, without sockets.

    With the same seed, clip number, sequence number, ``tx_snr_db`` and thread count it gives the same bytes as the
    three services.
    """

    def __init__(
        self,
        transmitter: Transmitter,
        receiver: Receiver,
        *,
        seed: int = DEFAULT_SEED,
        channel: Channel | None = None,
    ) -> None:
        """``channel`` is the way between them; without one it is the default model, seeded with ``seed``."""
        self._transmitter = transmitter
        self._receiver = receiver
        self._channel = channel or Channel(snr_db=0.0, seed=seed)

    def run(
        self,
        clip: Clip,
        *,
        snr_db: float,
        tx_snr_db: float,
        scheme: str,
        sequence: int = 0,
        options: Options | None = None,
        genie_snr: bool = False,
    ) -> LinkRun:
        """Sends ``clip`` as burst ``sequence`` over the channel at ``snr_db`` (Es/N0 in dB, of fading the average).

        ``options`` are settings of the sections' encoders. With ``genie_snr`` the receiver is told the SNR, for
        comparison. Raises SettingError, SchemeError, BurstError.
        """
        encoded = self._transmitter.encode_with_details(clip, tx_snr_db, scheme, options)
        began = time.perf_counter()
        self._channel.knobs.set("snr_db", snr_db)
        settings = self._channel.knobs.begin(sequence)
        received, passage = self._channel.apply_with(settings, encoded.burst.samples, sequence)
        through = time.perf_counter() - began
        reconstruction = self._receiver.decode(received, genie_snr_db=passage["snr_set_db"] if genie_snr else None)
        return LinkRun(
            clip=clip,
            encoded=encoded,
            received=received,
            passage=passage,
            reconstruction=reconstruction,
            seconds={**encoded.seconds, "channel": through, **reconstruction.seconds},
        )
