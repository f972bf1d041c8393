"""What a burst says, heard without weights: header, channel, description."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from common import burst, schemes
from common import header as header_code
from common.codecs import text
from common.header import Header
from common.layout import PREAMBLE_SYMBOLS
from common.sections import section
from receiver.estimate import Estimate, track
from receiver.listen import MAX_MAGNITUDE, listen

CAPTION = b"A red car drives along a wet road."
HEADER = Header(
    schemes.by_name("desc-only"), 3, 8, 64, 64, {"description": {"bytes": len(CAPTION), "mode": text.DEFAULT_MODE}}
)


def received(snr_db: float, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    sent = burst.assemble(HEADER, {"description": text.encode(CAPTION)}).samples
    noise = rng.standard_normal(sent.size) + 1j * rng.standard_normal(sent.size)
    return (sent * np.exp(2j) + noise * np.sqrt(0.5 * 10 ** (-snr_db / 10))).astype(np.complex64)


def test_all_of_it_is_heard() -> None:
    heard = listen(received(3))
    assert (heard.header, heard.text, heard.lost) == (HEADER, CAPTION.decode(), ())
    assert list(heard.sections) == ["description"]
    assert (heard.sections["description"].value, heard.sections["description"].modality) == (CAPTION.decode(), "text")
    assert heard.estimate is not None
    assert heard.estimate.snr_db == pytest.approx(3, abs=1)


def test_what_is_lost_is_named() -> None:
    samples = received(-3)
    heard = listen(samples)
    assert (heard.header, heard.lost, heard.failed, heard.text) == (HEADER, ("description",), (), None)
    assert heard.sections["description"].failed
    assert listen(samples[:-1]).lost == listen(samples[:-1]).failed == ("header",)
    assert listen(samples[:100]).lost == ("samples",)
    samples[5] = 2 * MAX_MAGNITUDE
    assert listen(samples).lost == ("samples",)


def by_pilots_and_header(samples: np.ndarray) -> Estimate:
    places, known = HEADER.layout(), [burst.known_pilots(HEADER), header_code.encode(HEADER)]
    return track(samples, np.concatenate([places["pilots"], places["header"]]), np.concatenate(known))


def test_the_description_sharpens_the_estimate() -> None:
    before, after = [], []
    for seed in range(60):
        samples = received(5, seed)
        heard = listen(samples)
        assert heard.estimate is not None
        before.append(by_pilots_and_header(samples).snr_db - 5)
        after.append(heard.estimate.snr_db - 5)
    assert np.std(after) < 0.8 * np.std(before)
    assert listen(received(-3)).estimate == by_pilots_and_header(received(-3))


def test_a_genie_s_noise_is_believed_throughout() -> None:
    for snr_db, told in ((3, 3), (3, 0)):
        samples = received(snr_db)
        for cut in (0, 1):  # what only the preamble tells, too
            estimate = listen(samples[: samples.size - cut], genie_snr_db=told).estimate
            assert estimate is not None
            assert estimate.noise_power == pytest.approx(10 ** (-told / 10))


def test_a_genie_s_noise_is_believed_where_the_gain_moves(monkeypatch: pytest.MonkeyPatch) -> None:
    """The header is not read with a constant gain here, so all decoding is with one that moves."""
    from receiver import header as header_reader

    turning = received(20) * np.exp(1.8j * np.pi * np.arange(HEADER.total_symbols) / PREAMBLE_SYMBOLS)
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


@pytest.mark.parametrize(
    ("decode", "message"),
    [
        (lambda *_: 1 / 0, "ZeroDivisionError: division by zero"),
        (lambda *_: {}["none"], "KeyError: 'none'"),
        (lambda *_: None, "AttributeError"),
    ],
)
def test_a_decoder_that_breaks_fails_its_section_and_no_more(
    decode: Callable[..., Any], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(section("description")), "decode", lambda _self, *given: decode(*given))
    heard = listen(received(10))
    assert (heard.header, heard.failed, heard.lost, heard.text) == (HEADER, (), ("description",), None)
    assert heard.sections["description"].message.startswith(message)


def test_what_a_decoder_says_is_brought_into_what_messages_can_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    coded = section("description")
    for snr_db, told in ((np.float32(3), 3.0), (np.nan, None), (np.inf, None), (None, None)):
        arrived = coded.arrived("x", snr_db, failed=np.bool_(True), message="m" * 9999, known=np.ones(3, np.complex64))
        monkeypatch.setattr(type(coded), "decode", lambda *_, arrived=arrived: arrived)
        found = listen(received(10)).sections["description"]
        assert (found.snr_db, found.failed, len(found.message), found.known) == (told, True, 500, None)
        assert type(found.snr_db) in (float, type(None))
        assert type(found.failed) is bool
