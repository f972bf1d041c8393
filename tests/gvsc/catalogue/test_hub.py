"""Models of the hub in its cache: whole or not, altered or not, and what is told when one cannot be fetched."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from common.errors import WeightsError
from common.needs import Hub
from gvsc.catalogue import hub

Fill = Callable[[str, Mapping[str, bytes]], Path]
Files = Callable[[tuple[str, ...]], dict[str, bytes]]

PIPELINE = Hub("someone/video", "Apache-2.0", 1, pipeline="WanVACEPipeline",
               parts=("scheduler", "text_encoder", "tokenizer", "vae"))  # fmt: skip
SPEAKER = Hub("someone/speaker", None, 1, processor=True, variable="GVSC_VIDEO_LLAVA")


def test_a_model_that_was_never_fetched_is_not_there(fill: Fill) -> None:
    assert hub.folder_of(PIPELINE) is None


def test_a_whole_pipeline_is_found_and_unaltered(fill: Fill, pipeline_files: Files) -> None:
    folder = fill(PIPELINE.id, {**pipeline_files(PIPELINE.parts), "vae/diffusion_pytorch_model.fp16.safetensors": b"x"})
    assert hub.folder_of(PIPELINE) == folder
    assert hub.lacking(folder, PIPELINE) is None
    assert hub.problems(folder, PIPELINE) == []
    names = {file.relative_to(folder).as_posix() for file in hub.files(folder, PIPELINE)}
    assert names == set(pipeline_files(PIPELINE.parts)) - {"README.md"}


@pytest.mark.parametrize(
    ("gone", "told"),
    [
        ("model_index.json", "model_index.json"),
        ("vae/config.json", "vae/config.json"),
        ("vae/diffusion_pytorch_model.safetensors", "vae/*.safetensors"),
        ("text_encoder/model-00002-of-00002.safetensors", "text_encoder/model-00002-of-00002.safetensors"),
        ("tokenizer/tokenizer_config.json", "tokenizer/config.json"),
    ],
)
def test_an_interrupted_download_is_not_whole(fill: Fill, pipeline_files: Files, gone: str, told: str) -> None:
    folder = fill(PIPELINE.id, pipeline_files(PIPELINE.parts))
    (folder / gone).unlink()
    assert hub.lacking(folder, PIPELINE) == told
    assert any(told in problem and "missing" in problem for problem in hub.problems(folder, PIPELINE))


@pytest.mark.parametrize("index", [b"{", b"[]", b'{"weight_map": 3}'])
def test_an_index_that_is_none_is_told(fill: Fill, pipeline_files: Files, index: bytes) -> None:
    name = "text_encoder/model.safetensors.index.json"
    folder = fill(PIPELINE.id, {**pipeline_files(PIPELINE.parts), name: index})
    assert hub.lacking(folder, PIPELINE) == f"{name} (unreadable)"


@pytest.mark.parametrize("altered", ["vae/diffusion_pytorch_model.safetensors", "vae/config.json"])
def test_altered_files_are_found_by_the_hash_that_names_them(fill: Fill, pipeline_files: Files, altered: str) -> None:
    folder = fill(PIPELINE.id, pipeline_files(PIPELINE.parts))
    with (folder / altered).open("r+b") as file:
        file.write(b"#")
    (problem,) = hub.problems(folder, PIPELINE)
    assert problem.startswith(f"{folder / altered} is altered: expected ")


def test_files_without_a_hash_are_not_called_right(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_bytes(b"{}")
    (tmp_path / "model.safetensors").write_bytes(b"")
    model = replace(PIPELINE, pipeline="", parts=())
    assert hub.lacking(tmp_path, model) is None
    assert hub.problems(tmp_path, model) == [f"{tmp_path}: 2 file(s) have no hash to be held against"]


def test_the_environment_names_a_folder_or_another_id(
    fill: Fill, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert hub.folder_of(SPEAKER) is None
    monkeypatch.setenv("GVSC_VIDEO_LLAVA", str(tmp_path))
    assert hub.folder_of(SPEAKER) == tmp_path
    with pytest.raises(WeightsError, match=r"is not whole: it has no config\.json"):
        hub.get(SPEAKER)
    folder = fill("other/speaker", {"config.json": b"{}", "model.safetensors": b""})
    monkeypatch.setenv("GVSC_VIDEO_LLAVA", "other/speaker")
    assert hub.folder_of(SPEAKER) == folder
    for nonsense in ("../..", "a b", "x" * 300):
        monkeypatch.setenv("GVSC_VIDEO_LLAVA", str(tmp_path / nonsense / "no"))
        assert hub.folder_of(SPEAKER) is None


@pytest.mark.slow
def test_what_is_whole_is_got_without_the_network(fill: Fill, pipeline_files: Files) -> None:
    folder = fill(SPEAKER.id, {"config.json": b"{}", "model.safetensors": b""})
    assert hub.get(SPEAKER) == folder
    single = replace(SPEAKER, id="someone/adapter", processor=False, variable=None)
    folder = fill(single.id, {"config.json": b"{}", "diffusion_pytorch_model.safetensors": b""})
    assert hub.get(single) == folder


def test_a_hub_that_may_not_be_asked_is_one_line(fill: Fill) -> None:
    with pytest.raises(WeightsError, match=r"speaker is not whole in the hub's cache, .*HF_HUB_OFFLINE") as caught:
        hub.get(SPEAKER)
    assert "\n" not in str(caught.value)


def test_a_hub_that_cannot_be_reached_is_one_line(fill: Fill, monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub
    from huggingface_hub import constants
    from huggingface_hub.errors import LocalEntryNotFoundError

    def unreachable(*_: object, **__: object) -> str:
        cause = ConnectionError("[Errno 111] Connection refused\nat some length")
        raise LocalEntryNotFoundError("An error happened\nand more") from cause

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.delenv("GVSC_OFFLINE", raising=False)
    monkeypatch.setattr(huggingface_hub, "snapshot_download", unreachable)
    with pytest.raises(WeightsError) as caught:
        hub.get(SPEAKER)
    assert str(caught.value) == (
        "someone/speaker could not be fetched from the hub ([Errno 111] Connection refused): try again, "
        "or name a folder in GVSC_VIDEO_LLAVA"
    )


def test_a_licence_that_was_not_accepted_says_what_to_do(fill: Fill, monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub
    from huggingface_hub.errors import GatedRepoError

    class RefusedError(GatedRepoError):
        def __init__(self) -> None:
            Exception.__init__(self, "403 Client Error")

    def refuse(*_: object, **__: object) -> str:
        raise RefusedError

    monkeypatch.setattr(huggingface_hub, "snapshot_download", refuse)
    with pytest.raises(WeightsError, match=r"speaker.*licence.*hf auth login"):
        hub.get(SPEAKER)


@pytest.mark.slow
def test_a_pipeline_is_got_as_its_generator_would(fill: Fill, monkeypatch: pytest.MonkeyPatch) -> None:
    import diffusers

    from receiver.generators.large import hub as loader

    asked = []
    monkeypatch.setattr(loader, "pipeline_folder", lambda kind, place: asked.append((kind, place)) or Path("nowhere"))
    with pytest.raises(WeightsError, match=r"someone/video is not whole: it has no model_index\.json"):
        hub.get(PIPELINE)
    assert asked == [(diffusers.WanVACEPipeline, "someone/video")]
