"""How far a large generator leans on pictures that came through noise."""

from __future__ import annotations

FULL_DB = 5.0
"""From this SNR on pictures are trusted as clean ones are."""

NONE_DB = -15.0
"""At this SNR and below they are not looked at where there are words to go by."""


def conditioning_scale(snr_db: float | None, has_text: bool) -> float:
    """The factor in [0, 1] on what the pictures add inside the model: 1 trusts them, 0 leaves all to the text.

    ``snr_db`` is the estimated SNR that the pictures came through, None for clean ones. Linear in dB between the two
    limits above: 0.5 at −5 dB, 0.75 at 0 dB. That is about what is left of a sketch's lines (edge F1 against that at
    20 dB: 0.44, 0.76 and 0.90 at −5, 0 and 5 dB, docs/results/codecs/djscc-sketch.json). Models that were trained on
    clean conditions know no other knob. Without text the pictures are all there is, and the factor is 1.
    """
    if snr_db is None or not has_text:
        return 1.0
    return min(1.0, max(0.0, (snr_db - NONE_DB) / (FULL_DB - NONE_DB)))
