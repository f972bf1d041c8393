"""What text and pictures are worth, on generators of which that is known."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from common.clip import Clip
from common.errors import ClipError, WeightsError
from gvsc.bench import ablation as bench
from gvsc.evaluation.figures.ablation import ablation
from gvsc.evaluation.metrics import deepfeat
from receiver import generators
from receiver.generators.base import Conditions
from receiver.media import write_mp4
from receiver.receiver import Receiver
from transmitter.transmitter import Transmitter

SIDE = 64


class Holder:
    """Holds the picture that it is given, darker without a text; dark grey from a text alone."""

    name = "holder"
    tasks = frozenset({"text", "frame-text", "sketch-text", "sketches-text"})

    def generate(
        self, conditions: Conditions, seed: int, steps: int | None = None, guidance: float | None = None
    ) -> np.ndarray:
        made = np.full((conditions.frames, 3, conditions.height, conditions.width), 0.2, np.float32)
        if conditions.first_frame is not None:
            made[:] = conditions.first_frame * (0.5 if conditions.description is None else 1.0)
        if conditions.sketches is not None:
            made[:] = conditions.sketches[:, None]
        return made


@pytest.fixture(scope="module")
def clips() -> list[Clip]:
    y, x = np.mgrid[:SIDE, :SIDE]
    picture = np.stack([3 * x, 3 * y, np.full_like(x, 150)], axis=-1).astype(np.uint8)
    return [Clip(np.repeat((picture // (1 + k))[None], 8, axis=0), "A slope.", f"slope-{k}", k) for k in range(2)]


@pytest.fixture(scope="module")
def made(clips: list[Clip]) -> dict:
    with pytest.MonkeyPatch.context() as patch:

        def missing() -> None:
            raise WeightsError("no network")

        patch.setattr(deepfeat, "trunk", missing)
        told: list[str] = []
        result = bench.measure(
            {"slopes": clips},
            Transmitter("captions", "canny"),
            Receiver(generator=["holder"], load=lambda _: Holder(), least_snr_db={}),
            told.append,
            seed=1,
            snrs_db=(-30.0, -3.0, 15.0),
            schemes=("first-frame-desc", "sketches-desc"),
        )
    assert told == ["deepfeat is left out: no network", "slopes: clip 1 of 2", "slopes: clip 2 of 2"]
    return dict(json.loads(json.dumps(result, allow_nan=False)))


def test_each_variant_is_built_from_what_it_says(made: dict) -> None:
    for scheme, role in (("first-frame-desc", "frame-text"), ("sketches-desc", "sketches-text")):
        variants = made["sets"]["slopes"]["schemes"][scheme]["variants"]
        roles = {name: [role] for name in ("all", "genie", "text_lost", "clean")}
        assert {name: about["roles"] for name, about in variants.items()} == roles | {
            "visuals_lost": ["text"],
            "held": [],
        }
    assert made["generators"] == dict.fromkeys(Holder.tasks, "holder")
    assert made["sets"]["slopes"]["clips"] == ["slope-0", "slope-1"]


def test_what_is_known_of_the_generator_is_found(made: dict) -> None:
    found = made["sets"]["slopes"]["schemes"]["first-frame-desc"]
    psnr = {name: about["psnr"] for name, about in found["variants"].items()}
    # the header of a burst at -30 dB is lost, and its clip left out; at -3 dB some descriptions may be
    assert found["headers_lost"] == [2, 0, 0]
    assert found["text_lost"][0] == 2
    assert found["text_lost"][2] == 0
    assert all(values[0] is None for values in psnr.values())
    assert psnr["all"][1:] == pytest.approx(psnr["held"][1:])
    assert psnr["genie"][1:] == pytest.approx(psnr["all"][1:], abs=1)
    for point in (1, 2):
        assert psnr["clean"][point] > 45
        assert psnr["all"][point] > psnr["text_lost"][point] + 3
        assert psnr["all"][point] > psnr["visuals_lost"][point] + 3
    assert psnr["all"][2] > psnr["all"][1] + 2
    assert psnr["visuals_lost"][1] == psnr["visuals_lost"][2]
    assert all(error > 0 for error in found["variants"]["visuals_lost"]["psnr_error"][1:])


def test_it_is_drawn_and_told(made: dict) -> None:
    picture = ablation(made)
    assert picture.size == (1500, 760)
    without = json.loads(json.dumps(made))
    without["sets"]["slopes"]["schemes"]["first-frame-desc"]["variants"]["text_lost"]["psnr"] = [None] * 3
    assert np.any(np.asarray(ablation(without)) != np.asarray(picture))
    lines = bench.table(made).splitlines()
    assert "slopes, 2 clips, first-frame-desc" in lines
    assert any(line.split()[:3] == ["psnr", "all", "-"] for line in lines)
    assert any("text_lost: frame-text; visuals_lost: text; clean: frame-text" in line for line in lines)


def test_clips_of_a_folder(tmp_path: Path, clips: list[Clip]) -> None:
    write_mp4(tmp_path / "a.mp4", clips[0].video, 4)
    sets = bench.clip_sets(tmp_path, 3, 7)
    assert [len(found) for found in sets.values()] == [1]
    (tmp_path / "a.mp4").unlink()
    with pytest.raises(ClipError):
        bench.clip_sets(tmp_path, 3, 7)


def test_the_command_writes_what_it_measures(
    tmp_path: Path, clips: list[Clip], monkeypatch: pytest.MonkeyPatch
) -> None:
    from gvsc.cli import main

    def missing() -> None:
        raise WeightsError("no network")

    monkeypatch.setattr(deepfeat, "trunk", missing)
    monkeypatch.setattr(generators, "load", lambda name, options: Holder())
    write_mp4(tmp_path / "a.mp4", clips[0].video, 4)
    words = ["bench", "ablation", "--clips", str(tmp_path / "a.mp4"), "--snr-db", "8", "--scheme", "first-frame-desc"]
    words += ["--steps", "1", "--threads", "1", "--out", str(tmp_path / "out"), "--json"]
    done = CliRunner().invoke(main, words)
    assert done.exit_code == 0, done.output
    result = json.loads(done.stdout)
    assert json.loads((tmp_path / "out" / "ablation.json").read_text()) == result
    assert (tmp_path / "out" / "ablation.png").stat().st_size > 10_000
    assert (result["snr_db"], result["steps"], result["generators"]["text"]) == ([8], 1, "holder")
    assert list(result["sets"]["a.mp4"]["schemes"]) == ["first-frame-desc"]
