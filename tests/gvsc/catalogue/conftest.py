"""A cache of the hub's as its library keeps it: snapshots of links to blobs that are named by hash."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import pytest

COMMIT = "0123456789abcdef0123456789abcdef01234567"


def _fill(cache: Path, model_id: str, files: Mapping[str, bytes]) -> Path:
    """Puts a model with these files into a cache, and returns its snapshot. Safetensors are stored as large files."""
    repository = cache / f"models--{model_id.replace('/', '--')}"
    snapshot = repository / "snapshots" / COMMIT
    for name, data in files.items():
        large = name.endswith(".safetensors")
        digest = hashlib.sha256(data) if large else hashlib.sha1(b"blob %d\0" % len(data) + data)
        blob = repository / "blobs" / digest.hexdigest()
        blob.parent.mkdir(parents=True, exist_ok=True)
        blob.write_bytes(data)
        (snapshot / name).parent.mkdir(parents=True, exist_ok=True)
        (snapshot / name).symlink_to(blob)
    (repository / "refs").mkdir(parents=True, exist_ok=True)
    (repository / "refs" / "main").write_text(COMMIT)
    return snapshot


def _pipeline_files(parts: tuple[str, ...]) -> dict[str, bytes]:
    """A whole pipeline of these parts; the text encoder is in two shards."""
    files = {"model_index.json": b"{}", "README.md": b"# it"}
    for part in parts:
        if part.startswith(("scheduler", "tokenizer")):
            files[f"{part}/{part.split('_')[0]}_config.json"] = b"{}"
        elif part == "text_encoder":
            shards = {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}
            files[f"{part}/config.json"] = b"{}"
            files[f"{part}/model.safetensors.index.json"] = json.dumps({"weight_map": shards}).encode()
            files |= {f"{part}/{shard}": shard.encode() for shard in shards.values()}
        else:
            files[f"{part}/config.json"] = b'{"of": "%b"}' % part.encode()
            files[f"{part}/diffusion_pytorch_model.safetensors"] = part.encode()
    return files


@pytest.fixture
def fill(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, Mapping[str, bytes]], Path]:
    """An empty cache of the hub's, and how to put a model with its files into it. No network."""
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    return partial(_fill, tmp_path / "hub")


@pytest.fixture
def pipeline_files() -> Callable[[tuple[str, ...]], dict[str, bytes]]:
    """All files of a whole pipeline of these parts."""
    return _pipeline_files
