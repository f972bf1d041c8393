"""What compose can be set to is told in .env.example, with the same defaults; no data socket is published."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
FILES = sorted(ROOT.glob("docker-compose*.yml"))


def config(*files: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """What `docker compose config` makes of these files; needs no engine."""
    version = ["docker", "compose", "version"]
    if not shutil.which("docker") or subprocess.run(version, capture_output=True, check=False).returncode:
        pytest.skip("needs docker compose")
    command = [*version[:2], "--env-file", "/dev/null"]
    for file in ("docker-compose.yml", *files):
        command += ["--file", str(ROOT / file)]
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("GVSC_", "COMPOSE_", "TORCH_"))}
    command += ["config", "--format", "json"]
    return subprocess.run(command, env=environment | settings, capture_output=True, text=True, check=False)


def services(*files: str, **settings: str) -> dict[str, Any]:
    done = config(*files, **settings)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout)["services"])


def test_every_setting_is_told_with_its_default() -> None:
    used = {name: default for file in FILES for name, default in re.findall(r"\$\{(\w+):-([^}]*)\}", file.read_text())}
    # what has to be set, and what something else hangs on that is there only where it is set
    needed = {name for file in FILES for name in re.findall(r"\$\{(\w+):[?+]", file.read_text())}
    told = dict(re.findall(r"^#(\w+)=(.*)$", (ROOT / ".env.example").read_text(), re.MULTILINE))
    assert told == used | dict.fromkeys(needed, "")
    assert len(told) > 10


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_nothing_is_published_beyond_loopback(file: Path) -> None:
    text = file.read_text()
    published = re.findall(r"^ +- (\S+):(\d+)$", text, re.MULTILINE)
    assert all(place.startswith("127.0.0.1:") for place, _ in published)
    assert not {port for _, port in published} & {"5550", "5551", "5552"}
    assert bool(published) == (file.name == "docker-compose.yml")


def test_the_image_is_built_without_what_only_newer_or_other_builders_know() -> None:
    text = (ROOT / "Dockerfile").read_text()
    assert "syntax=" not in text
    assert "@sha256:" not in text
    assert re.findall(r"^USER (\S+)$", text, re.MULTILINE) == ["10001:10001"]


def test_with_a_gpu_all_run_the_image_that_is_built_for_it() -> None:
    lacking = config("docker-compose.gpu.yml")
    assert lacking.returncode != 0
    assert "set it to the index of PyTorch for your CUDA" in lacking.stderr
    made = services("docker-compose.gpu.yml", TORCH_GPU_INDEX_URL="https://index.example/gpu")
    assert {service["image"] for service in made.values()} == {"gvsc:gpu"}
    assert made["channel"]["build"]["args"] == {"TORCH_INDEX_URL": "https://index.example/gpu"}
    assert [name for name, service in made.items() if "deploy" in service] == ["receiver"]
    (device,) = made["receiver"]["deploy"]["resources"]["reservations"]["devices"]
    assert (device["driver"], device["count"], device["capabilities"]) == ("nvidia", 1, ["gpu"])


def test_with_keys_each_has_its_own_secret_and_everybodys_public_key() -> None:
    made = services("docker-compose.keys.yml", GVSC_KEYS="/somewhere")
    public = {f"/keys/{role}.public" for role in (*made, "viewer")}
    for role, service in made.items():
        assert [secret["target"] for secret in service["secrets"]] == [f"/keys/{role}.secret"]
        assert {one["target"] for one in service["configs"]} == public
        assert (service["environment"]["GVSC_KEYS"], service["environment"]["GVSC_INSECURE"]) == ("/keys", "0")
        assert service["environment"]["GVSC_UPLINK"] == "tcp://channel:5550", "what is common to all is still there"


def test_a_trace_and_the_parameters_of_channel_models_can_be_set(tmp_path: Path) -> None:
    channel = services()["channel"]
    assert (channel["environment"]["GVSC_TRACE"], channel["environment"]["GVSC_CHANNEL_SETTINGS"]) == ("", "")
    parameters = "coherence_symbols=2000 k_factor_db=3"
    channel = services(GVSC_TRACE=str(tmp_path / "drive.csv"), GVSC_CHANNEL_SETTINGS=parameters)["channel"]
    assert channel["environment"]["GVSC_TRACE"] == "/trace.csv"
    assert channel["environment"]["GVSC_CHANNEL_SETTINGS"] == parameters
    (mount,) = channel["volumes"]
    assert (mount["source"], mount["target"]) == (str(tmp_path / "drive.csv"), "/trace.csv")
    assert mount["read_only"]
