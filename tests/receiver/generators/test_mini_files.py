"""What `mini` reads: networks and their folders, the text encoder's files, and all that may be wrong with these."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from common import weights
from common.errors import WeightsError
from common.uninitialised import Uninitialised
from receiver.generators.mini import flow, network
from receiver.generators.mini.bert import Bert, BertSizes
from receiver.generators.mini.layout import Layout
from receiver.generators.mini.pipeline import MiniPipeline
from receiver.generators.mini.text import MAX_TOKENS, TextEncoder

SMALL = {"width": 16, "layers": 1, "heads": 2, "shape_width": 8, "text_width": 16, "topics": 8}


def test_a_network_knows_all_settings_it_was_made_with() -> None:
    assert Layout(3, tones=5, **SMALL).config == {"slots": 3, "tones": 5, "frames": 8, **SMALL}


@pytest.mark.parametrize("most_bytes", [1, 4000, 1 << 30])
def test_a_network_is_read_as_it_was_written_in_files_of_any_size(tmp_path: Path, most_bytes: int) -> None:
    torch.manual_seed(0)
    made = Layout(**SMALL).half()
    network.save(made, tmp_path / "layout", most_bytes)
    files = sorted((tmp_path / "layout").glob("*.safetensors"))
    assert len(files) == {1: len(made.state_dict()), 1 << 30: 1}.get(most_bytes, len(files))
    again = network.load(Layout, tmp_path / "layout")
    assert again.config == made.config
    assert not again.training
    for name, tensor in again.state_dict().items():
        assert tensor.dtype == torch.float32
        assert torch.equal(tensor, made.state_dict()[name].float()), name


def _config(**changes: object) -> str:
    return json.dumps({"_class_name": "Layout", **SMALL, **changes})


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("config.json", None, "cannot be read"),
        ("config.json", "{", "cannot be read"),
        ("config.json", "[" * 100_000, "cannot be read"),
        ("config.json", "[1]", "is of a None, not of a Layout"),
        ("config.json", _config(_class_name="Painter"), "is of a Painter"),
        ("config.json", _config(unknown=1), "cannot be loaded"),
        ("config.json", _config(width="wide"), "cannot be loaded"),
        ("config.json", _config(width=-3), "cannot be loaded"),
        ("config.json", _config(width=32), "cannot be loaded"),
        ("config.json", _config(layers=2), "lack"),
        ("diffusion_pytorch_model.safetensors", None, "there is no"),
        ("diffusion_pytorch_model.safetensors", "short", "cannot be loaded"),
        ("diffusion_pytorch_model.safetensors.index.json", '{"weight_map": {"a": "x.safetensors"}}', "index lists"),
        ("diffusion_pytorch_model.safetensors.index.json", "{}", "cannot be loaded"),
    ],
)
def test_a_folder_that_is_damaged_or_of_another_network_is_refused(
    tmp_path: Path, file: str, content: str | None, message: str
) -> None:
    folder = tmp_path / "layout"
    network.save(Layout(**SMALL), folder, 1 << 30)
    if content is None:
        (folder / file).unlink()
    else:
        (folder / file).write_text(content)
    with pytest.raises(WeightsError, match=message):
        network.load(Layout, folder)


@pytest.mark.parametrize(
    ("file", "key", "value", "message"),
    [
        ("model_index.json", "painter", ["os", "system"], "the painter in .* is .'os', 'system'., not a Painter"),
        ("model_index.json", "vae", None, "not a PatchLatent"),
        ("model_index.json", "scheduler", ["diffusers", "DDIMScheduler"], "not a FlowMatchEuler"),
        ("scheduler/scheduler_config.json", "shift", 3.0, "has shift 3.0, not 1.0"),
        ("scheduler/scheduler_config.json", "use_karras_sigmas", True, "use_karras_sigmas"),
    ],
)
def test_a_pipeline_of_other_parts_or_another_sampler_is_refused(
    tmp_path: Path, file: str, key: str, value: object, message: str
) -> None:
    folder = tmp_path / "mini"
    shutil.copytree(weights.path("mini"), folder)
    (folder / file).write_text(json.dumps(json.loads((folder / file).read_text()) | {key: value}))
    with pytest.raises(WeightsError, match=message):
        MiniPipeline.load(folder)


def test_the_shipped_folder_is_written_again_as_it_is(tmp_path: Path) -> None:
    """But for the version of diffusers that its index and configurations name."""
    shipped = weights.path("mini")
    pipeline = MiniPipeline.load(shipped)
    for name in ("painter", "mover", "layout", "vae"):
        getattr(pipeline, name).half()
    pipeline.save(tmp_path, 16_000_000)
    found = {file.relative_to(tmp_path) for file in tmp_path.rglob("*") if file.is_file()}
    assert found == {file.relative_to(shipped) for file in shipped.rglob("*") if file.is_file()}
    for file in found:
        if file.suffix == ".json" and "index" not in file.name:
            told = json.loads((shipped / file).read_text())
            del told["_diffusers_version"]
            assert json.loads((tmp_path / file).read_text()) == told
    for part in ("painter", "mover", "layout", "vae"):
        one, other = ({}, {})
        for folder, tensors in ((shipped, one), (tmp_path, other)):
            for file in sorted((folder / part).glob("*.safetensors")):
                tensors |= load_file(file)
        assert one.keys() == other.keys()
        assert all(torch.equal(one[key], other[key]) for key in one)


@pytest.mark.parametrize("steps", [1, 2, 16, 50])
def test_levels_and_steps_are_those_of_diffusers_scheduler(steps: int) -> None:
    """The oracle: FlowMatchEulerDiscreteScheduler with the settings that the folder holds."""
    from diffusers import FlowMatchEulerDiscreteScheduler

    scheduler = FlowMatchEulerDiscreteScheduler.from_config(flow.SETTINGS)
    assert {name: scheduler.config[name] for name in flow.SETTINGS} == flow.SETTINGS
    scheduler.set_timesteps(sigmas=np.linspace(1.0, 1.0 / steps, steps))
    levels = flow.levels(steps)
    assert torch.equal(levels, scheduler.sigmas)
    ours = theirs = torch.randn(1, 3, 4, 4)
    for number, timestep in enumerate(scheduler.timesteps):
        velocity = torch.randn_like(ours)
        ours = flow.euler(ours, velocity, levels[number], levels[number + 1])
        theirs = scheduler.step(velocity, timestep, theirs).prev_sample
    assert torch.equal(ours, theirs)


TEXTS = (
    "",
    "  ",
    "a red star moves left",
    "Two cyclists – in the café, 東京 don't! stop\n\tnow",
    "[SEP] [MASK] a [PAD] b [CLS]",
    "x" * 300 + " word " * 60,
    "naïve ﬁgure №5 \u200b\ufeff😀 \x00 \ud7ff",
    "word " * 38,
)


@pytest.mark.slow
def test_words_and_vectors_are_those_of_transformers_bert() -> None:
    """The oracle: transformers' tokenizer and BertModel with the same files."""
    from transformers import BertModel, BertTokenizerFast

    folder = weights.path("minilm")
    encoder = TextEncoder.load(folder)
    tokenizer = BertTokenizerFast.from_pretrained(folder, local_files_only=True)
    model = BertModel.from_pretrained(folder, local_files_only=True, use_safetensors=True).eval()
    told = tokenizer(list(TEXTS), padding="max_length", truncation=True, max_length=MAX_TOKENS, return_tensors="pt")
    encoded = [encoder.tokenizer.encode(text) for text in TEXTS]
    assert [one.ids for one in encoded] == told["input_ids"].tolist()
    assert [one.attention_mask for one in encoded] == told["attention_mask"].tolist()
    with torch.no_grad():
        vectors = model(input_ids=told["input_ids"], attention_mask=told["attention_mask"]).last_hidden_state
    words, mask = encoder(TEXTS)
    assert mask[:2].sum() == 0
    assert torch.equal(mask[2:], told["attention_mask"][2:].float())
    assert torch.allclose(words, vectors * mask[..., None], atol=1e-5)


@pytest.fixture
def minilm(tmp_path: Path) -> Path:
    """A folder with a text encoder of one layer, laid out as the published ones are."""
    torch.manual_seed(0)
    network = Bert(BertSizes(6, 8, 1, 2, 16))
    tensors = dict(network.state_dict()) | {
        "pooler.dense.weight": torch.zeros(8, 8),
        "pooler.dense.bias": torch.zeros(8),
    }
    save_file(tensors, tmp_path / "model.safetensors")
    sizes = {"vocab_size": 6, "hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2}
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "bert", "intermediate_size": 16, **sizes}))
    from tokenizers import Tokenizer
    from tokenizers.models import WordPiece

    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "a", "b"]
    tokenizer = Tokenizer(WordPiece({word: number for number, word in enumerate(words)}, unk_token="[UNK]"))
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    return tmp_path


def test_a_text_encoder_is_read_from_published_files(minilm: Path) -> None:
    words, mask = TextEncoder.load(minilm)(["a b", ""])
    assert words.shape == (2, MAX_TOKENS, 8)
    assert mask.sum(1).tolist() == [1.0, 0.0]  # it has no pre-tokenizer: one unknown word
    assert words[1].abs().sum() == 0


def _changed(folder: Path, **changes: object) -> None:
    file = folder / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))


@pytest.mark.parametrize(
    "changes",
    [
        {"hidden_act": "relu"},
        {"model_type": "roberta"},
        {"position_embedding_type": "relative_key"},
        {"hidden_size": 9},
        {"hidden_size": "8"},
        {"hidden_size": True},
        {"num_hidden_layers": 2},
        {"num_hidden_layers": 10**9},
        {"vocab_size": 0},
        {"vocab_size": 7},
        {"max_position_embeddings": 2},
        {"layer_norm_eps": float("nan")},
    ],
)
def test_another_network_than_a_bert_of_that_size_is_refused(minilm: Path, changes: dict[str, object]) -> None:
    _changed(minilm, **changes)
    with pytest.raises(WeightsError, match="make install"):
        TextEncoder.load(minilm)


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("tokenizer.json", None),
        ("tokenizer.json", b"{}"),
        ("tokenizer.json", b"\xff\xfe"),
        ("config.json", None),
        ("config.json", b"[]"),
        ("config.json", b"{"),
        ("model.safetensors", None),
        ("model.safetensors", b"\x08\x00\x00\x00\x00\x00\x00\x00{}      "),
        ("model.safetensors", b"\xff" * 64),
    ],
)
def test_damaged_files_of_a_text_encoder_are_refused(minilm: Path, file: str, content: bytes | None) -> None:
    if content is None:
        (minilm / file).unlink()
    else:
        (minilm / file).write_bytes(content)
    with pytest.raises(WeightsError, match=r"cannot be loaded.*make install"):
        TextEncoder.load(minilm)


def test_an_unknown_tensor_and_a_missing_one_are_refused(minilm: Path) -> None:
    tensors = load_file(minilm / "model.safetensors")
    for changed in (
        tensors | {"encoder.layer.1.output.dense.bias": torch.zeros(8)},
        {name: tensor for name, tensor in tensors.items() if name != "embeddings.LayerNorm.bias"},
    ):
        save_file(changed, minilm / "model.safetensors")
        with pytest.raises(WeightsError, match="make install"):
            TextEncoder.load(minilm)


def test_within_it_nothing_is_initialised_and_outside_all_is() -> None:
    with Uninitialised():
        layer = nn.Linear(4, 4)
        with torch.no_grad():
            layer.weight.fill_(7.0)
        assert nn.init.normal_(layer.weight) is layer.weight
        assert nn.init.uniform_(tensor=layer.weight) is layer.weight
        assert bool((layer.weight == 7.0).all())
        assert torch.equal(torch.ones(2) + 1, torch.full((2,), 2.0))
    nn.init.normal_(layer.weight)
    assert not bool((layer.weight == 7.0).any())


def test_loading_and_running_mini_imports_neither_diffusers_nor_transformers() -> None:
    program = (
        "import sys, numpy as np\n"
        "from receiver.generators import Conditions, load\n"
        "frame = np.full((3, 64, 64), 0.5, np.float32)\n"
        "load('mini').generate(Conditions.of('a red star moves left', frame, height=64, width=64), seed=1, steps=1)\n"
        "print(*({'diffusers', 'transformers', 'torch._dynamo', 'sympy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.split()) == (0, []), done.stderr
