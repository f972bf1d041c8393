"""Where weights come from: folders, the hub's cache, and what is told where they do not."""

from __future__ import annotations

import errno
import json
import shutil
import sys
from pathlib import Path

import httpx2 as httpx
import pytest
import torch
from huggingface_hub import constants
from huggingface_hub.errors import GatedRepoError, LocalEntryNotFoundError, RepositoryNotFoundError
from safetensors.torch import load_file, save_file

from common.errors import WeightsError
from receiver import generators
from receiver.generators.large import hub

WEIGHTS = "transformer/diffusion_pytorch_model.safetensors"


@pytest.fixture
def damaged(wan_folder, tmp_path) -> Path:
    """A copy that may be damaged."""
    return Path(shutil.copytree(wan_folder, tmp_path / "wan"))


def answered(kind: type, status: int) -> Exception:
    """An error of the hub, as its client raises it."""
    return kind("told so\nat length", response=httpx.Response(status, request=httpx.Request("GET", "http://hub.test")))


def test_a_hub_id_is_found_in_the_hubs_cache_and_loads_as_a_folder_does(
    wan_folder, options, conditions, tmp_path, monkeypatch
):
    repository = tmp_path / "models--somebody--tiny"
    shutil.copytree(wan_folder, repository / "snapshots" / ("0" * 40))
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("0" * 40)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setenv("GVSC_OFFLINE", "1")
    cached = generators.load("wan-vace", options("somebody/tiny"))
    assert cached.name == "wan-vace:tiny"
    folder = generators.load("wan-vace", options(wan_folder))
    clips = [made.generate(conditions("text", frames=2), seed=1, steps=1) for made in (cached, folder)]
    assert clips[0].tobytes() == clips[1].tobytes()


def test_a_model_of_its_own_is_found_in_the_hubs_cache_too(sd35_folders, tmp_path, monkeypatch):
    repository = tmp_path / "models--somebody--canny"
    shutil.copytree(sd35_folders[1], repository / "snapshots" / ("0" * 40))
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("0" * 40)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert hub.model_folder("somebody/canny").name == "0" * 40
    with pytest.raises(WeightsError, match=r"somebody/other is not in the hub's cache.*hf download somebody/other"):
        hub.model_folder("somebody/other")


def test_what_is_not_in_the_cache_is_not_fetched_where_that_is_forbidden(options, tmp_path, monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setenv("GVSC_OFFLINE", "1")
    with pytest.raises(WeightsError, match=r"Wan2.1-VACE-1.3B-diffusers is not in the hub's cache.*hf download"):
        generators.load("wan-vace", options())


def test_a_hub_that_cannot_be_reached_is_told(options, monkeypatch):
    from diffusers import WanVACEPipeline

    def unreachable(*_args, **_kwargs):
        raise OSError("not fully cached") from httpx.ConnectError("no route to host")

    monkeypatch.setattr(WanVACEPipeline, "download", unreachable)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    with pytest.raises(WeightsError, match=r"hub cannot be reached.*name its folder with --generator-model"):
        generators.load("wan-vace", options("somebody/tiny"))


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (answered(GatedRepoError, 403), r"accepted its licence.*HF_TOKEN"),
        (answered(RepositoryNotFoundError, 404), r"the hub has no model a/b"),
        (LocalEntryNotFoundError("nothing here"), r"hub cannot be reached"),
        (httpx.ReadTimeout("too slow"), r"hub cannot be reached"),
        (OSError(errno.ENOSPC, "No space left on device"), r"disk is full.*HF_HOME"),
        (ImportError("needs the protobuf library\nsecond line"), r"needs a package that is missing.*protobuf library$"),
        (ValueError(""), r"does not load: ValueError$"),
    ],
)
def test_errors_are_one_line_that_says_what_to_do(error, message, monkeypatch):
    import re

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    told = hub.explained("a/b", error)
    assert re.search(message, told)
    assert "\n" not in told


def test_a_place_that_is_nowhere_is_told(options, tmp_path):
    for place in (tmp_path / "nowhere", "nowhere", "../nowhere"):
        with pytest.raises(WeightsError, match=r"no folder .*nowhere, and it is no id on the hub"):
            generators.load("wan-vace", options(place))
    with pytest.raises(WeightsError, match=r"is not a diffusers pipeline: it has no model_index.json"):
        generators.load("wan-vace", options(tmp_path))


def test_missing_weights_are_told(damaged, options):
    (damaged / WEIGHTS).unlink()
    with pytest.raises(WeightsError, match=r"transformer does not load"):
        generators.load("wan-vace", options(damaged))


def test_a_tensor_without_a_value_is_never_random(damaged, options):
    tensors = load_file(damaged / WEIGHTS)
    del tensors["blocks.1.attn1.to_q.weight"]
    save_file(tensors, damaged / WEIGHTS)
    with pytest.raises(WeightsError, match=r"transformer.*blocks.1.attn1.to_q.weight"):
        generators.load("wan-vace", options(damaged))


def test_a_text_encoder_without_a_value_is_never_random(damaged, options):
    file = damaged / "text_encoder" / "model.safetensors"
    tensors = load_file(file)
    name = next(name for name in tensors if name.endswith("SelfAttention.q.weight"))
    del tensors[name]
    save_file(tensors, file, metadata={"format": "pt"})
    with pytest.raises(WeightsError, match="text_encoder have no values for 1 tensors, such as"):
        generators.load("wan-vace", options(damaged))


def test_weights_of_another_shape_or_cut_off_are_told(damaged, options):
    tensors = load_file(damaged / WEIGHTS)
    tensors["patch_embedding.weight"] = torch.zeros(3)
    save_file(tensors, damaged / WEIGHTS)
    with pytest.raises(WeightsError, match="transformer does not load"):
        generators.load("wan-vace", options(damaged))
    (damaged / WEIGHTS).write_bytes((damaged / WEIGHTS).read_bytes()[:200])
    with pytest.raises(WeightsError, match="transformer does not load"):
        generators.load("wan-vace", options(damaged))


def test_pickled_weights_are_not_read(damaged, options):
    """A file that runs code when it is unpickled: it must not."""
    tensors = load_file(damaged / WEIGHTS)
    (damaged / WEIGHTS).unlink()
    torch.save(tensors, damaged / "transformer" / "diffusion_pytorch_model.bin")
    with pytest.raises(WeightsError, match="transformer does not load"):
        generators.load("wan-vace", options(damaged))


def test_an_index_that_names_other_modules_is_refused_before_anything_is_imported(damaged, options):
    index = json.loads((damaged / "model_index.json").read_text())
    index["tokenizer"] = ["antigravity", "fly"]
    (damaged / "model_index.json").write_text(json.dumps(index))
    with pytest.raises(WeightsError, match=r"not trusted: its index has antigravity.fly for tokenizer"):
        generators.load("wan-vace", options(damaged))
    assert "antigravity" not in sys.modules


def test_parameters_are_counted_without_loading_in_one_file_or_several(wan_folder, tmp_path):
    from diffusers import WanVACEPipeline, WanVACETransformer3DModel

    counted = hub.pipeline_parameters(WanVACEPipeline, wan_folder)
    model = WanVACETransformer3DModel.from_pretrained(wan_folder / "transformer")
    assert set(counted) == {"vae", "text_encoder", "transformer"}
    assert counted["transformer"] == sum(parameter.numel() for parameter in model.parameters())
    model.save_pretrained(tmp_path, max_shard_size="20KB")
    assert len(list(tmp_path.glob("*.safetensors"))) > 1
    assert hub.parameters(tmp_path) == counted["transformer"]


def test_text_encoders_load_with_the_names_that_older_files_have(animatediff_folder, wan_folder, tmp_path):
    """Published checkpoints are older than the library: CLIP's names have a prefix, UMT5's embedding is there twice."""
    from transformers import CLIPTextModel, UMT5EncoderModel

    for kind, source in ((CLIPTextModel, animatediff_folder / "sd15"), (UMT5EncoderModel, wan_folder)):
        folder = Path(shutil.copytree(source / "text_encoder", tmp_path / kind.__name__))
        tensors = load_file(folder / "model.safetensors")
        if kind is CLIPTextModel:
            tensors = {f"text_model.{name.removeprefix('text_model.')}": value for name, value in tensors.items()}
            tensors["text_model.embeddings.position_ids"] = torch.arange(77)[None]
        else:
            tensors["encoder.embed_tokens.weight"] = tensors["shared.weight"].clone()
        save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
        older = hub.load_model(kind, folder, torch.float32)
        newer = hub.load_model(kind, source / "text_encoder", torch.float32)
        for one, other in zip(older.parameters(), newer.parameters(), strict=True):
            assert torch.equal(one, other)
