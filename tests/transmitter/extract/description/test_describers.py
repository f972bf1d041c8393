"""Describers by name: captions as they came, tags where none came, and what happens where the weights are not there."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytest
import torch

from common.clip import Clip
from common.codecs import text
from common.errors import SettingError, WeightsError
from transmitter.extract import description
from transmitter.transmitter import Transmitter


@pytest.fixture(scope="module")
def clip() -> Clip:
    video = np.zeros((8, 256, 256, 3), np.uint8)
    video[:] = (40, 80, 210)
    for number in range(8):
        video[number, 100:150, 20 + 22 * number : 70 + 22 * number] = (214, 38, 38)
    return Clip(video)


def with_caption(clip: Clip, caption: str) -> Clip:
    return Clip(clip.video, caption=caption)


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(SettingError, match="'oracle'; there are: auto, captions, tags, video-llava"):
        description.load("oracle")


def test_captions_are_what_came_with_the_clip(clip: Clip) -> None:
    captions = description.load("captions")
    assert captions.extract(with_caption(clip, "A dog\truns. ")) == description.Description(
        b"A dog runs.", False, "captions"
    )
    assert captions.extract(clip) == description.Description(b"", False, "captions")
    long = captions.extract(with_caption(clip, "é" * 200))
    assert long.was_cut
    assert long.text == "é" * (text.MAX_BYTES // 2)


def test_auto_takes_the_caption_and_else_tags(clip: Clip) -> None:
    auto = description.load("auto")
    assert auto.extract(with_caption(clip, "A boat.")) == description.Description(b"A boat.", False, "captions")
    made = auto.extract(clip)
    assert made.by == "tags"
    assert made == description.load("tags").extract(with_caption(clip, "A boat."))


def test_auto_without_the_weights_says_so_once_and_sends_no_description(
    clip: Clip, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def missing(_name: str) -> Path:
        raise WeightsError("fetch them once with: gvsc models get efficientnet-lite0")

    monkeypatch.setattr("common.weights.path", missing)
    auto = description.load("auto")
    with caplog.at_level(logging.WARNING):
        assert [auto.extract(clip).data for _ in range(3)] == [b""] * 3
        assert auto.extract(with_caption(clip, "A boat.")).data == b"A boat."
    told = "clips without a caption are sent without a description: fetch them once with: gvsc models get"
    assert [record.getMessage() for record in caplog.records] == [f"{told} efficientnet-lite0"]
    with pytest.raises(WeightsError):
        description.load("tags")


def test_the_transmitter_sends_what_its_describer_says(clip: Clip) -> None:
    sent = Transmitter(describe="tags").encode_with_details(clip, 10.0, "desc-only")
    said = sent.contents["description"]
    assert said.by == "tags"
    assert sent.burst.header.values["description"]["bytes"] == len(said.data) > 20
    silent = Transmitter(describe="captions").encode(clip, 10.0, "desc-only").header
    assert silent.values["description"]["bytes"] == 0


def test_the_same_clip_gives_the_same_words(clip: Clip) -> None:
    threads = torch.get_num_threads()
    first = description.load("tags").extract(clip)
    assert description.load("tags").extract(clip) == first
    assert torch.get_num_threads() == threads
