"""What the sections of digitally coded videos have in common: a bitstream, 5G LDPC and QAM, CBR 0.008 (paper, IV-A)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from common.codecs import video_mode
from common.errors import GvscError, SchemeError
from common.knobs import Knob
from common.modulation import qam
from common.needs import Package
from common.sections.base import Arrived, Encoded, Field, Observation, Option, Options, Section, Slot, Sources

if TYPE_CHECKING:
    from common.codecs.video import VideoCodec

NEEDS: Final = (Package("av", "av"), Package("sionna-no-rt", "sionna"))

MARGIN_DB: Final = 1.0
"""What the SNR must lie above a mode's threshold where the rate is adaptive: the estimate is off by 0.3 to 0.75 dB RMS
(docs/results/link/header-reception.json), and behind the threshold all is lost."""

VIDEO_RATE: Final = Option(
    Knob(
        "video_rate",
        "code rate of a digital video, on 4-QAM; adaptive: modulation and rate that suit the SNR",
        kind="choice",
        choices=video_mode.RATES,
    ),
    video_mode.DEFAULT_RATE,
)


class BitstreamSection(Section):
    """A whole clip in the bits that the section's symbols carry. Nothing is generated."""

    kind = "bits"
    modality = "video"
    condition = ""
    fields = (Field("mode", 4),)
    options = (VIDEO_RATE,)
    standard: ClassVar[str]
    """A name of ``common.codecs.h26x.STANDARDS``."""

    def symbols(self, slot: Slot) -> int:
        """CBR 0.008. Raises SchemeError for a mode there is not."""
        self._mode(slot)
        return video_mode.symbol_count(*slot.shape)

    def mode_name(self, slot: Slot) -> str:
        return video_mode.MODES[self._mode(slot)].name

    def extract(self, sources: Sources) -> NDArray[np.uint8]:
        """The clip's frames, uint8 (F, H, W, 3)."""
        return sources.clip.video

    def encode(self, content: Any, tx_snr_db: float, slot: Slot, options: Options) -> Encoded:
        rate = str(options.get(VIDEO_RATE.parameter.name, VIDEO_RATE.default))
        made = self._codec(rate).encode_with_details(content, tx_snr_db)
        messages = () if made.fits else ("it does not fit into its symbols: frames are missing",)
        return Encoded(made.symbols, {"mode": made.mode}, made.fits, messages)

    def decode(self, observation: Observation, slot: Slot) -> Arrived:
        """The clip with missing frames concealed; None where this machine cannot decode it."""
        symbols, noise = observation.equalised()
        snrs_db = -10.0 * np.log10(np.maximum(noise, qam.LEAST_NOISE_VARIANCE))
        try:
            made = self._codec().decode_with_details(symbols, snrs_db, slot.shape, self._mode(slot))
        except GvscError as error:
            return self.arrived(None, failed=True, message=str(error))
        return self.arrived(made.video, failed=not made.there.all())

    def video(self, value: Any, slot: Slot) -> NDArray[np.uint8]:
        shown: NDArray[np.uint8] = value
        return shown

    def _mode(self, slot: Slot) -> int:
        mode = slot.values["mode"]
        if not 0 <= mode < len(video_mode.MODES):
            raise SchemeError(f"a video mode is a number 0 to {len(video_mode.MODES) - 1}, not {mode}")
        return mode

    def _codec(self, rate: str = video_mode.DEFAULT_RATE) -> VideoCodec:
        from common.codecs import h26x
        from common.codecs.video import VideoCodec

        return VideoCodec(h26x.STANDARDS[self.standard], rate, MARGIN_DB)
