"""``gvsc bench codec``: the keys that it promises, failures that stay in the means, pictures that are kept."""

from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from common.codecs import h26x
from common.codecs.video import VideoCodec
from common.errors import WeightsError
from gvsc.bench.codec import SNRS_DB, contenders, measure, pictures
from gvsc.cli import main
from gvsc.evaluation.figures.codec_curves import codec_curves
from gvsc.evaluation.metrics import deepfeat

PICTURE = pictures.packaged(lambda line: None)[2]


@pytest.fixture
def no_trunk(monkeypatch):
    def missing():
        raise WeightsError("no weights; fetch them with: gvsc models get hed")

    monkeypatch.setattr(deepfeat, "trunk", missing)


class Flat:
    """Sends nothing that matters and shows one grey; below 4 dB nothing arrives."""

    def carry(self, picture, tx_snr_db, air):
        _, snr_db = air(np.ones(64, np.complex64))
        return np.full_like(picture, 0.25) if snr_db > 4 else None


@pytest.mark.slow
def test_failures_stay_in_the_mean(monkeypatch, no_trunk):
    monkeypatch.setattr(measure, "opponents", lambda name: {"linear": Flat(), "h265_fixed": Flat()})
    white = pictures.Picture("white", np.full((256, 256, 3), 255, np.uint8))
    black = pictures.Picture("black", np.zeros((256, 256, 3), np.uint8))
    made = measure.measure("djscc-frame", [white, black], lambda line: None, seed=1, snrs_db=(-5.0, 20.0))

    def db(shown):
        return np.mean([20 * np.log10(255 / (255 - shown)), 20 * np.log10(255 / shown)])

    assert made["h265_fixed"]["psnr"] == pytest.approx([db(128), db(64)], abs=0.01)
    assert made["h265_fixed"]["failed"] == [1.0, 0.0]
    assert made["deepfeat"] is None
    assert made["h265_fixed"]["deepfeat"] is None
    assert "gvsc models get hed" in made["deepfeat_missing"]
    alone = measure.measure("djscc-frame", [white], lambda line: None, seed=1, snrs_db=(20.0,), alone=True)
    assert "linear" not in alone
    assert alone["psnr"][0] > 30


def test_memory_is_taken_after_the_last_picture_in_mb(monkeypatch, no_trunk):
    class Untrained(Flat):
        def __init__(self, name, weights_file):
            self.seconds = {"encode": [0.1], "decode": [0.1]}
            self.carried = 0
            made.append(self)

        def carry(self, picture, tx_snr_db, air):
            self.carried += 1
            self.seconds["encode"].append(0.1)
            self.seconds["decode"].append(0.1)
            return super().carry(picture, tx_snr_db, air)

    made = []
    monkeypatch.setattr(measure, "Trained", Untrained)
    monkeypatch.setattr(
        measure.resource, "getrusage", lambda who: SimpleNamespace(ru_maxrss=1_000_000 * made[0].carried)
    )
    found = measure.measure("djscc-frame", [PICTURE] * 2, lambda line: None, seed=1, snrs_db=(20.0,), alone=True)
    assert found["peak_rss_mb"] == 3 * 1024  # one blank and two pictures of 1e6 KiB


@pytest.mark.slow
def test_h265_arrives_above_its_threshold_and_not_below():
    code = contenders.Digital(VideoCodec(h26x.H265, "1/2"), 4000)
    picture = PICTURE.pixels.transpose(2, 0, 1).astype(np.float32) / 255
    sent = []

    def through(snr_db):
        rng = np.random.default_rng(3)

        def air(symbols):
            sent.append(symbols)
            return measure.air.send(symbols, snr_db, rng)

        return code.carry(picture, snr_db, air)

    assert through(-3.0) is None
    arrived = through(4.0)
    assert -10 * np.log10(np.mean((arrived - picture) ** 2)) > 18
    assert all(symbols.shape == (4000,) for symbols in sent)
    assert np.mean(np.abs(sent[0]) ** 2) == pytest.approx(1.0, abs=1e-3)


def test_a_sketch_in_bits():
    rows, columns = np.indices((256, 256))
    lines = np.clip(1.5 - np.abs(np.hypot(rows - 128, columns - 128) - 80), 0, 1)[None].astype(np.float32)
    sent = []

    def air(symbols):
        sent.append(symbols)
        return measure.air.send(symbols, 6.0, np.random.default_rng(4))

    for name in ("bilevel_adaptive", "bilevel_packed_adaptive"):
        received = contenders.opponents("djscc-sketch")[name].carry(lines, 6.0, air)
        assert measure.edge_f1(received[0], lines[0]) > 0.7
    assert [symbols.shape for symbols in sent] == [(1024,), (1024,)]


@pytest.mark.slow
def test_command(tmp_path, monkeypatch, no_trunk):
    """One picture of an odd size and one that is none, at two SNRs, through everything but the trunk."""
    monkeypatch.setattr(measure.measure, "__kwdefaults__", measure.measure.__kwdefaults__ | {"snrs_db": (0.0, 10.0)})
    (tmp_path / "in").mkdir()
    Image.fromarray(PICTURE.pixels).resize((300, 410)).save(tmp_path / "in/cup.png")
    (tmp_path / "in/broken.jpg").write_bytes(b"\xff\xd8\xff nothing")
    words = ["bench", "codec", "djscc-frame", "--images", str(tmp_path / "in"), "--save", str(tmp_path / "kept")]
    done = CliRunner().invoke(main, [*words, "--out", str(tmp_path / "out"), "--json"])
    assert done.exit_code == 0, done.output
    made = json.loads(done.stdout)
    assert made["codec"] == "djscc-frame"
    assert made["symbols"] == 7808
    for part in (made, made["h265_adaptive"], made["h265_fixed"], made["linear"]):
        assert len(part["psnr"]) == 2
    assert made["linear"]["psnr"][0] + 2 < made["psnr"][0] < made["psnr"][1]
    assert set(made["seconds"]) == {"encode", "decode"}
    assert made["pictures"] == 1
    assert "broken.jpg" in done.stderr
    assert "cup" in done.stderr
    kept = {file.name for file in (tmp_path / "kept/cup").iterdir()}
    assert {"original.png", "djscc-frame_+00dB.png", "djscc-frame_+10dB.png", "linear_+10dB.png"} <= kept
    sent, shown = (
        pictures.read(tmp_path / f"kept/cup/{what}.png").astype(float) for what in ("original", "djscc-frame_+10dB")
    )
    assert 10 * np.log10(255**2 / np.mean((shown - sent) ** 2)) == pytest.approx(made["psnr"][1], abs=0.01)
    assert json.loads((tmp_path / "out/djscc-frame.json").read_text()) == made
    with Image.open(tmp_path / "out/djscc-frame.png") as figure:
        assert figure.width == 1500


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--images", "a", "--clips", "b"], "exclude each other"),
        (["--images", "nowhere"], "no such file or folder"),
        (["--data", "nowhere"], "no photos in"),
        (["--weights", "nowhere.safetensors"], "nowhere.safetensors"),
    ],
)
def test_wrong_use_is_one_line(words, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(main, ["bench", "codec", "djscc-frame", *words])
    assert done.exit_code in (1, 2)
    assert said in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr


def test_figure_shows_what_there_is():
    result = {
        "codec": "djscc-frame", "symbols": 7808, "pictures": 3, "snr": "estimated", "snr_db": list(SNRS_DB),
        "psnr": list(range(20, 27)), "ssim": [0.5] * 7, "deepfeat": [0.2] * 7,
    }  # fmt: skip
    alone = np.asarray(codec_curves(result))
    beside = np.asarray(codec_curves(result | {"linear": {"psnr": list(range(15, 22))}}))
    fewer = np.asarray(codec_curves(result | {"deepfeat": None}))
    assert alone.shape[1] == beside.shape[1] == fewer.shape[1] == 1500
    assert np.any(alone != beside)
    blue = (0x1F, 0x77, 0xC9)
    assert np.all(alone == blue, axis=2).sum() > 500
    grey = (0x86, 0x8E, 0x96)
    assert np.all(beside == grey, axis=2).sum() > 100 > np.all(alone == grey, axis=2).sum()
