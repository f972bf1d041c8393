"""The transmitter extracts what a scheme sends, and loads a sketcher only where that has sketches."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from common.clip import Clip
from common.errors import SchemeError, SettingError, WeightsError
from transmitter.extract.base import EDGE_EXTRACTOR, EXTRACTORS
from transmitter.transmitter import Transmitter

CLIP = Clip(np.random.default_rng(0).integers(0, 256, (8, 64, 96, 3), dtype=np.uint8), "Noise.")


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the edge extractors that were loaded."""
    names: list[str] = []
    load = EXTRACTORS.load

    def noting(kind: str, name: str | None = None, options: dict[str, Any] | None = None) -> Any:
        if kind == EDGE_EXTRACTOR:
            names.append(str(name))
        return load(kind, name, options)

    monkeypatch.setattr(EXTRACTORS, "load", noting)
    return names


@pytest.mark.parametrize(
    ("scheme", "analogue", "shapes"),
    [
        ("desc-only", 0, {}),
        ("first-frame-desc", 732, {"first_frame": (3, 64, 96)}),
        ("sketch-desc", 96, {"sketch": (1, 64, 96)}),
        ("sketches-desc", 8 * 96, {"sketches": (8, 64, 96)}),
    ],
)
def test_only_what_is_sent_is_extracted(
    drawn: list[str], scheme: str, analogue: int, shapes: dict[str, tuple[int, ...]]
) -> None:
    transmitter = Transmitter("captions", "canny")
    made = transmitter.encode_with_details(CLIP, 5.0, scheme)
    assert made.text == made.contents["description"].text == "Noise."
    assert {name: of.shape for name, of in made.contents.items() if name != "description"} == shapes
    assert drawn == (["canny"] if "sketch" in scheme else [])
    header = made.burst.header
    described = header.section_symbols("description")
    assert header.payload_symbols - described == analogue
    assert header.cbr_payload == pytest.approx(header.payload_symbols / (3 * 64 * 96 * 8))
    transmitter.encode(CLIP, 5.0, scheme)
    assert len(drawn) <= 1


def test_what_a_scheme_lacks_is_told_before_the_first_clip() -> None:
    with pytest.raises(SettingError, match="no edge extractor is called 'sobel'"):
        Transmitter("captions", "sobel")
    transmitter = Transmitter("captions", "pidinet")
    transmitter.prepare("first-frame-desc")
    with pytest.raises(WeightsError, match="pidinet needs a checkpoint"):
        transmitter.prepare("sketch-desc")


def test_an_extractor_gets_the_start_options_that_the_transmitter_was_given(tmp_path: Path) -> None:
    (tmp_path / "no.pth").write_text("no checkpoint")
    transmitter = Transmitter("captions", "pidinet", {"pidinet-weights": tmp_path / "no.pth"})
    with pytest.raises(WeightsError, match=r"no\.pth"):
        transmitter.prepare("sketch-desc")


def test_settings_go_to_the_encoders_by_name() -> None:
    transmitter = Transmitter("captions", "canny")
    assert transmitter.encode(CLIP, 5.0, "desc-only").header.modes == {"description": "1/3"}
    assert transmitter.encode(CLIP, 5.0, "desc-only", {"text_mode": "1/8+"}).header.modes == {"description": "1/8+"}
    # a setting of another section's encoder does no harm
    assert transmitter.encode(CLIP, 5.0, "desc-only", {"video_rate": "2/3"}).header.modes == {"description": "1/3"}
    for options, told in (
        ({"text_mode": "7/8"}, "text_mode"),
        ({"textmode": "1/8"}, "no encoder has the setting 'textmode'"),
    ):
        with pytest.raises(SettingError, match=told):
            transmitter.encode(CLIP, 5.0, "desc-only", options)
    with pytest.raises(SchemeError, match="no scheme is called 'semaphore'; there are: first-frame-desc"):
        transmitter.encode(CLIP, 5.0, "semaphore")
