"""What a burst says, heard without weights: header, channel, description."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from common import burst, schemes
from common.burst import Header
from common.codecs import text
from receiver.listen import MAX_MAGNITUDE, listen, sharpened

CAPTION = b"A red car drives along a wet road."
HEADER = Header(schemes.by_name("desc-only"), 3, len(CAPTION), frames=8, height=64, width=64)


def received(snr_db: float, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    sent = burst.assemble(HEADER, {"description": text.encode(CAPTION)}).samples
    noise = rng.standard_normal(sent.size) + 1j * rng.standard_normal(sent.size)
    return (sent * np.exp(2j) + noise * np.sqrt(0.5 * 10 ** (-snr_db / 10))).astype(np.complex64)


def test_all_of_it_is_heard() -> None:
    heard = listen(received(3))
    assert (heard.header, heard.text, heard.failed) == (HEADER, CAPTION.decode(), ())
    assert heard.estimate is not None
    assert heard.estimate.snr_db == pytest.approx(3, abs=1)


def test_what_is_lost_is_named() -> None:
    samples = received(-3)
    assert (listen(samples).header, listen(samples).failed) == (HEADER, ("description",))
    assert listen(samples[:-1]).failed == ("header",)
    assert listen(samples[:100]).failed == ("samples",)
    samples[5] = 2 * MAX_MAGNITUDE
    assert listen(samples).failed == ("samples",)


def test_the_description_sharpens_the_estimate() -> None:
    before, after = [], []
    for seed in range(60):
        samples = received(5, seed)
        heard = listen(samples)
        better = sharpened(samples, heard)
        assert heard.estimate is not None
        assert better is not None
        before.append(heard.estimate.snr_db - 5)
        after.append(better.snr_db - 5)
    assert np.std(after) < 0.8 * np.std(before)
    lost = listen(received(-3))
    assert sharpened(received(-3), lost) is lost.estimate


def test_a_genie_s_noise_is_believed_throughout() -> None:
    for snr_db, told in ((3, 3), (3, 0)):
        samples = received(snr_db)
        heard = listen(samples, genie_snr_db=told)
        for estimate in (heard.estimate, sharpened(samples, heard, genie_snr_db=told)):
            assert estimate is not None
            assert estimate.noise_power == pytest.approx(10 ** (-told / 10))


def test_a_genie_s_noise_is_believed_where_the_gain_moves(monkeypatch: pytest.MonkeyPatch) -> None:
    """The header is not read with a constant gain here, so all decoding is with one that moves."""
    from receiver import header as header_reader

    turning = received(20) * np.exp(1.8j * np.pi * np.arange(HEADER.total_symbols) / burst.PREAMBLE_SYMBOLS)
    samples = turning.astype(np.complex64)
    seen = []
    decode = header_reader._decode

    def noted(preamble, heard):  # type: ignore[no-untyped-def]
        seen.append(heard)
        return decode(preamble, heard)

    monkeypatch.setattr(header_reader, "_decode", noted)
    heard = header_reader.listen(samples).with_noise_power(0.123)
    assert header_reader.read(samples, heard, noise_power=0.123) == HEADER
    assert seen[-1].coherence_symbols is not None
    assert {one.noise_power for one in seen} == {0.123}


def test_it_needs_no_torch() -> None:
    program = "import sys, receiver.listen; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], cwd=Path(__file__).parents[2], check=False).returncode == 0
