"""`gvsc demo` and `gvsc simulate` as a person runs them: what is printed and what is left behind."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from receiver.media import write_mp4

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]


def size(path: str | Path) -> tuple[int, int]:
    """Width and height of a picture."""
    with Image.open(path) as picture:
        return picture.size


def gvsc(*words: str) -> subprocess.CompletedProcess[str]:
    program = [sys.executable, "-c", "from gvsc.cli import main; main()", *words]
    return subprocess.run(program, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in WebVid's form: two good clips, one that is no video, one that is missing."""
    folder = tmp_path_factory.mktemp("clips")
    (folder / "videos" / "page").mkdir(parents=True)
    ramp = np.linspace(0, 255, 96, dtype=np.uint8)
    for name, shade in (("one", 30), ("two", 200)):
        video = np.empty((8, 64, 96, 3), np.uint8)
        video[..., 0], video[..., 1], video[..., 2] = ramp, shade, 255 - ramp
        write_mp4(folder / "videos" / "page" / f"{name}.mp4", video, 4)
    (folder / "videos" / "page" / "bad.mp4").write_bytes(b"junk")
    rows = [f"{name},http://localhost/,PT2S,page,A {name} of colours." for name in ("one", "bad", "missing", "two")]
    (folder / "captions.csv").write_text("\n".join(["videoid,contentUrl,duration,page_dir,name", *rows]) + "\n")
    return folder


def test_demo_leaves_what_a_person_wants_to_see(clips: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    walk = ["--snr-db", "12,0", "--beside-snr-db", "12", "--desc-only-snr-db", "5"]
    done = gvsc("demo", "--clips", str(clips), "--out", str(out), *walk, "--threads", "1", "--json")
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    assert summary == json.loads((out / "summary.json").read_text())
    assert len(set(summary["pids"].values())) == 3
    assert set(summary["pids"]) == {"transmitter", "channel", "receiver"}
    assert summary["lost"] == 0
    assert [clip["name"] for clip in summary["clips"]] == ["one", "two"]
    for clip in summary["clips"]:
        assert [(run["snr_db"], run["scheme"]) for run in clip["runs"]] == [
            (12, "first-frame-motion-desc"),
            (0, "first-frame-motion-desc"),
            (12, "first-frame-desc"),
            (12, "h265-ldpc"),
            (5, "desc-only"),
        ]
        for run in clip["runs"]:
            assert run["metrics"]["psnr"] > 5
            assert (set(run["metrics"]), run["metrics_missing"]) == ({"psnr", "ssim"}, {})
            assert run["cbr_total"] > run["cbr_payload"] > 0
            assert run["airtime_ms"] == run["symbols"] / 1000
            assert run["text_received"] == run["text_sent"]
            assert abs(run["snr_measured_db"] - run["snr_db"]) < 0.6
        folder = out / clip["name"]
        made = {path.name for path in folder.iterdir()}
        assert {"source.mp4", "contact_sheet.png", "constellation.png", "first-frame-desc_12dB.mp4"} <= made
        assert size(folder / "contact_sheet.png")[0] > 1000
    assert size(out / "contact_sheet.png")[1] > 800


def test_a_folder_without_a_clip_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    done = gvsc("demo", "--clips", str(tmp_path / "empty"), "--out", str(tmp_path / "out"))
    assert done.returncode == 1
    assert [line for line in done.stderr.splitlines() if line.startswith("Error: ")]
    assert "Traceback" not in done.stderr


def test_simulate_writes_everything_losslessly(clips: Path, tmp_path: Path) -> None:
    video = clips / "videos" / "page" / "one.mp4"
    out = tmp_path / "out"
    done = gvsc(
        "simulate", str(video), "--caption", "Colours.", "--scheme", "first-frame-desc", "--snr-db", "6",
        "--tx-snr-db", "9", "--seed", "5", "--steps", "1", "--out", str(out), "--json",
        "--metric", "deepfeat", "--metric", "psnr",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    facts = json.loads(done.stdout)
    assert (facts["scheme"], facts["snr_db"], facts["tx_snr_db"], facts["seed"]) == ("first-frame-desc", 6, 9, 5)
    assert (facts["text_sent"], facts["text_received"], facts["text_ok"]) == ("Colours.", "Colours.", True)
    assert set(facts["metrics"]) == {"psnr", "deepfeat"}
    assert facts["metrics"]["psnr"] > 5
    # its weights need not be here; then it says so and has no value
    assert (facts["metrics"]["deepfeat"] is None) == ("deepfeat" in facts["metrics_missing"])
    assert (facts["modes"], facts["task"]) == ({"description": "1/3"}, "frame-text")
    assert {name: (about["modality"], about["failed"]) for name, about in facts["sections"].items()} == {
        "description": ("text", False),
        "first_frame": ("frame", False),
    }
    assert facts["messages"] == []
    assert set(facts["seconds"]) == {"extract", "encode", "channel", "decode", "generate"}
    before, after = np.load(facts["files"]["tx"]), np.load(facts["files"]["rx"])
    assert before.dtype == after.dtype == np.complex64
    assert before.size == after.size == facts["symbols_total"] > facts["symbols_payload"]
    assert facts["cbr_total"] == pytest.approx(before.size / (3 * 8 * 256 * 256))
    source = [np.asarray(Image.open(path)) for path in sorted(Path(facts["files"]["source"]).glob("*.png"))]
    made = [np.asarray(Image.open(path)) for path in sorted(Path(facts["files"]["reconstruction"]).glob("*.png"))]
    assert np.stack(source).shape == np.stack(made).shape == (8, 256, 256, 3)
    assert size(facts["files"]["received_first_frame"]) == (256, 256)


def test_simulate_without_weights_is_one_line_with_name_and_hash(clips: Path, tmp_path: Path) -> None:
    """An altered file must never be run: the copy of the package here has one byte of the codec's weights changed."""
    import shutil

    import common

    root = Path(common.__file__).parents[1]
    for package in ("common", "transmitter", "channel", "receiver", "gvsc"):
        shutil.copytree(root / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    weights = tmp_path / "common" / "weights" / "djscc-frame.safetensors"
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(data)
    video = clips / "videos" / "page" / "one.mp4"
    program = [sys.executable, "-c", "from gvsc.cli import main; main()"]
    done = subprocess.run(
        [*program, "simulate", str(video), "--out", str(tmp_path / "out")],
        cwd=tmp_path,
        env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    told = [line for line in done.stderr.splitlines() if line.startswith("Error: ")]
    assert len(told) == 1
    assert "djscc-frame" in told[0]
    assert "SHA-256" in told[0]
    assert "Traceback" not in done.stderr
