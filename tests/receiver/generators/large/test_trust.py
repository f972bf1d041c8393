from __future__ import annotations

import pytest

from receiver.generators.large.trust import conditioning_scale


@pytest.mark.parametrize(
    ("snr_db", "scale"), [(None, 1.0), (30.0, 1.0), (5.0, 1.0), (0.0, 0.75), (-5.0, 0.5), (-15.0, 0.0), (-60.0, 0.0)]
)
def test_trust_falls_with_the_snr_of_the_pictures(snr_db, scale):
    assert conditioning_scale(snr_db, has_text=True) == pytest.approx(scale)


@pytest.mark.parametrize("snr_db", [None, 0.0, -60.0])
def test_without_text_the_pictures_are_all_there_is(snr_db):
    assert conditioning_scale(snr_db, has_text=False) == 1.0
