"""The whole link in one process: the same three objects that the services wrap, composed."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from channel.channel import Channel
from common.clip import Clip
from common.conventions import DEFAULT_SEED
from receiver.receiver import Receiver, Reconstruction
from transmitter.transmitter import Encoded, Transmitter


@dataclass(frozen=True)
class LinkRun:
    """One clip through the link. ``received`` is complex64 (n,); ``seconds`` are those of extract, encode, channel,
    decode, generate."""

    clip: Clip
    encoded: Encoded
    received: NDArray[np.complex64]
    reconstruction: Reconstruction
    seconds: dict[str, float]


class Link:
    """Transmitter, channel and receiver in one process, without sockets.

    With the same seed, clip number, sequence number, ``tx_snr_db`` and thread count it gives the same bytes as the
    three services.
    """

    def __init__(self, transmitter: Transmitter, receiver: Receiver, *, seed: int = DEFAULT_SEED) -> None:
        """``seed`` is the channel's; the receiver has its own."""
        self._transmitter = transmitter
        self._receiver = receiver
        self._seed = seed

    def run(self, clip: Clip, *, snr_db: float, tx_snr_db: float, scheme: str, sequence: int = 0) -> LinkRun:
        """Sends ``clip`` as burst ``sequence`` over an AWGN channel at ``snr_db`` (Es/N0 in dB).

        Raises SettingError, SchemeError, BurstError.
        """
        encoded = self._transmitter.encode_with_details(clip, tx_snr_db, scheme)
        began = time.perf_counter()
        received = Channel(snr_db=snr_db, seed=self._seed).apply(encoded.burst.samples, sequence)
        through = time.perf_counter() - began
        reconstruction = self._receiver.decode(received)
        return LinkRun(
            clip, encoded, received, reconstruction, {**encoded.seconds, "channel": through, **reconstruction.seconds}
        )
