from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from common.codecs import text_model
from common.errors import WeightsError

HELD_OUT = Path(__file__).with_name("held_out_captions.txt").read_text(encoding="utf-8").splitlines()


def test_captions_it_never_saw_take_less_than_two_and_a_quarter_bits_a_character():
    assert len(HELD_OUT) == 60
    coded = [text_model.compress(line.encode()) for line in HELD_OUT]
    assert 8 * sum(map(len, coded)) / sum(map(len, HELD_OUT)) < 2.25
    assert [text_model.expand(data) for data in coded] == [line.encode() for line in HELD_OUT]


def test_what_is_coded_is_the_same_everywhere():
    """Bytes written down once: integers alone decide, so no machine may have others."""
    data = b"A cat sits on a red sofa and looks out of the window."
    assert text_model.compress(data).hex() == "0a12cfec1f86c4752f77"
    assert text_model.expand(bytes.fromhex("0a12cfec1f86c4752f77")) == data


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"x",
        b"zzzzzzzzzz",
        bytes(range(256))[1:],
        b"\xff" * 3,
        "\U0001f6b2 naïve 一只猫".encode(),
        b"\x00" * 255,
        b"~" * 255,
        np.random.default_rng(2).bytes(255),
    ],
)
def test_any_bytes_come_back(data):
    coded = text_model.compress(data)
    assert len(coded) <= min(len(data) + 1, 255)
    assert text_model.expand(coded) == data


def test_too_long_is_refused():
    with pytest.raises(ValueError, match="too long"):
        text_model.compress(b"a" * 256)


def test_only_what_compress_returns_is_accepted():
    """Whatever comes: bytes that are coded again to the same, or nothing; never an exception."""
    rng = np.random.default_rng(2)
    coded = text_model.compress(HELD_OUT[0].encode())
    hostile = [rng.bytes(n) for n in (1, 2, 3, 4, 5, 8, 13, 40, 100, 255) for _ in range(4)]
    hostile += [coded + b"\x00", coded[:-1], b"\x00" * 255, b"\xff" * 255, b"\xfe" * 40, b"\xff", b"\xff" + b"a" * 254]
    accepted = 0
    for data in hostile:
        got = text_model.expand(data)
        accepted += got is not None
        assert got is None or (len(got) <= 255 and text_model.compress(got) == data)
    assert accepted < len(hostile)
    assert text_model.expand(coded + b"\x00") is None


def test_frequencies_are_positive_integers_of_fixed_sum():
    model = text_model.load()
    rng = np.random.default_rng(3)
    contexts = [tuple(rng.integers(0, text_model.SYMBOLS, text_model.ORDER - 1).tolist()) for _ in range(50)]
    contexts.append((text_model.END,) * (text_model.ORDER - 1))
    for context in contexts:
        found = model.frequencies(context)
        assert found.dtype == np.int64
        assert found.shape == (text_model.SYMBOLS,)
        assert found.min() >= 1
        assert found.sum() == 1 << 22
    capital = slice(ord("A") - 30, ord("Z") - 30 + 1)
    assert model.frequencies(contexts[-1])[capital].sum() > 0.8 * (1 << 22)


def test_a_model_whose_parts_do_not_fit_is_refused(tmp_path):
    from safetensors.numpy import load_file, save_file

    from common import weights

    tensors = load_file(weights.path(text_model.WEIGHTS))
    for name, wrong in (
        ("symbols.3", tensors["symbols.3"][:-1]),
        ("symbols.1", np.full_like(tensors["symbols.1"], 200)),
        ("escape.2", np.zeros_like(tensors["escape.2"])),
        ("children.0", tensors["children.0"] + 1),
    ):
        with pytest.raises(WeightsError, match="do not fit"):
            text_model.TextModel(tensors | {name: wrong})
    with pytest.raises(WeightsError, match="not complete"):
        text_model.TextModel({name: t for name, t in tensors.items() if name != "counts.6"})
    broken = tmp_path / "model.safetensors"
    broken.write_bytes(b"no model")
    with pytest.raises(WeightsError, match="cannot read"):
        text_model.load(broken)
    save_file({"symbols.1": tensors["symbols.1"]}, broken)
    with pytest.raises(WeightsError, match="not complete"):
        text_model.TextModel(load_file(broken))


def test_training_makes_a_model_that_predicts_what_it_saw():
    from gvsc.training import text_model as training

    levels = training.count([(["A cat sits.", "A cat runs.", "A dog runs."] * 20, training.UNIT)])
    kept = training.prune(levels, 100)
    assert sum(keys.size for keys, _ in kept) <= 100
    model = text_model.TextModel(training.tensors(levels, kept))
    c = ord("c") - 30
    start = (text_model.END,) * 5
    behind = model.frequencies((*start[2:], ord("A") - 30, ord(" ") - 30))
    assert model.frequencies(start).argmax() == ord("A") - 30
    assert behind[c] > behind[ord("q") - 30]
