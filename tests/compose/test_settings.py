"""What compose can be set to is told in .env.example, with the same defaults; no data socket is published."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
FILES = sorted(ROOT.glob("docker-compose*.yml"))


def test_every_setting_is_told_with_its_default() -> None:
    used = {name: default for file in FILES for name, default in re.findall(r"\$\{(\w+):-([^}]*)\}", file.read_text())}
    needed = {name for file in FILES for name in re.findall(r"\$\{(\w+):\?", file.read_text())}
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
