"""`examples/plugin`, a package of its own: installed beside the wheel into a venv, it runs through three processes."""

from __future__ import annotations

import json
import os
import shutil
import site
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("common", "transmitter", "channel", "receiver", "gvsc")

PROGRAM = """
import json, sys, tempfile
from pathlib import Path
from gvsc.services import Services, private_addresses
from gvsc.client import Client

clip, folder = sys.argv[1], Path(tempfile.mkdtemp())
with Services(folder / "logs", private_addresses(folder)) as services:
    with services.client() as client:
        results = client.results(timeout_s=120)
        services.start("channel", "--model", "two-path", "--channel", "echo_db=-15")
        services.start("receiver", "--generator", "ken-burns", "--threads", "1")
        services.wait_for("receiver", lambda status: status["ready"] and status["results_subscribers"] > 0, 120)
        services.start("transmitter", clip, "--scheme", "thumbnail-desc", "--describe", "captions", "--threads", "1")
        with results:
            got = next(results)
        channel = client.settings("channel")
print(json.dumps({
    "scheme": got.scheme, "generator": got.generator, "task": got.task, "failed": list(got.failed), "text": got.text,
    "sections": {name: [about.modality, list(about.shape)] for name, about in got.sections.items()},
    "frames": len(got.video), "moves": bool((got.video[0] != got.video[-1]).any()),
    "echo_db": channel["echo_db"].value,
}))
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The bin folder of a venv that has the wheels of GVSC and of the example; everything else they need comes from
    the environment that runs the tests."""
    folder = tmp_path_factory.mktemp("plugin")
    tree = folder / "tree"
    for package in PACKAGES:
        shutil.copytree(ROOT / package, tree / package, ignore=shutil.ignore_patterns("__pycache__", ".*"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, tree)
    shutil.copytree(ROOT / "examples" / "plugin", folder / "example", ignore=shutil.ignore_patterns("__pycache__"))
    run = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    for source in (tree, folder / "example"):
        subprocess.run([*run, "--wheel-dir", str(folder), str(source)], check=True)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder / "venv")], check=True)
    binaries = folder / "venv" / "bin"
    (packages,) = (folder / "venv" / "lib").glob("python*/site-packages")
    wheels = [str(wheel) for wheel in folder.glob("*.whl")]
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", str(packages)]
    subprocess.run([*install, *wheels], check=True)
    # behind the wheels, so that these are what is imported
    (packages / "others.pth").write_text("\n".join(site.getsitepackages()) + "\n")
    yield binaries
    shutil.rmtree(folder, ignore_errors=True)


def run(binaries: Path, *arguments: str, cwd: Path) -> str:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV"))}
    done = subprocess.run(
        [str(binaries / "python"), *arguments], cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def clip(folder: Path) -> Path:
    """A short video whose picture changes, with a caption beside it."""
    import numpy as np

    from receiver.media import write_mp4

    ramp = np.linspace(0, 255, 64, dtype=np.uint8)
    frame = np.stack([np.tile(ramp, (64, 1)), np.tile(ramp[:, None], (1, 64)), np.full((64, 64), 90, np.uint8)], axis=2)
    write_mp4(folder / "clip.mp4", np.repeat(frame[None], 16, axis=0), 8.0)
    (folder / "clip.txt").write_text("A ramp.\n")
    return folder / "clip.mp4"


@pytest.mark.slow
@pytest.mark.e2e
@pytest.mark.timeout(300)
def test_a_plug_in_beside_the_wheel_runs_through_three_processes(installed: Path, tmp_path: Path) -> None:
    where = run(installed, "-c", "import gvsc, gvsc_example; print(gvsc.__file__, gvsc_example.__file__)", cwd=tmp_path)
    assert all(str(installed.parent) in path for path in where.split())
    source = clip(tmp_path)
    (tmp_path / "watch.py").write_text(PROGRAM)
    made: dict[str, Any] = json.loads(run(installed, "watch.py", str(source), cwd=tmp_path))
    assert made == {
        "scheme": "thumbnail-desc",
        "generator": "ken-burns",
        "task": "frame-text",
        "failed": [],
        "text": "A ramp.",
        "sections": {"description": ["text", []], "thumbnail": ["frame", [256, 256, 3]]},
        "frames": 8,
        "moves": True,
        "echo_db": -15.0,
    }


@pytest.mark.slow
@pytest.mark.e2e
@pytest.mark.timeout(300)
def test_a_plug_in_is_offered_listed_and_measured_with(installed: Path, tmp_path: Path) -> None:
    command = "from gvsc.cli import main; main()"
    source = clip(tmp_path)
    arguments = (
        *("simulate", str(source), "--scheme", "thumbnail-desc", "--channel-model", "two-path"),
        *("--generator", "frame-text=ken-burns", "--generator", "text=ken-burns", "--describe", "captions"),
        *("--metric", "mean-absolute-error", "--snr-db", "20", "--out", "out", "--json"),
    )
    summary = json.loads(run(installed, "-c", command, *arguments, cwd=tmp_path))
    assert (summary["scheme"], summary["generator"], summary["failed"]) == ("thumbnail-desc", "ken-burns", [])
    assert summary["symbols_payload"] == 174 + (8 * 7 + 16) * 3 // 2 + 6  # the thumbnail, 7 characters at rate 1/3
    assert summary["channel"]["model"] == "two-path"
    assert summary["channel"]["echo_db"] == -20.0
    assert 0 < summary["metrics"]["mean-absolute-error"] < 30
    assert (tmp_path / "out" / "received_thumbnail.png").is_file()
    listed = json.loads(run(installed, "-c", command, "models", "list", "--json", cwd=tmp_path))
    assert {"ken-burns", "thumbnail", "mean-absolute-error"} <= {item["name"] for item in listed}
