"""Video-LLaVA on a tiny instance: the model's configuration made small, random weights, saved to a folder and loaded.

The model's video processor needs torchvision, which is not installed here. A stand-in makes its tensors, by the same
steps (transformers' own image processor, frame by frame, and one token for each patch); the tokenizer, the model, its
loading and its generation are the real ones.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from common.clip import Clip
from common.codecs import text
from common.errors import PackageError, WeightsError
from transmitter.extract import description
from transmitter.extract.extractors import video_llava
from transmitter.extract.extractors.video_llava import VideoLlava

SIDE = 28
PATCH = 14
SPECIAL = ("<unk>", "<s>", "</s>", "<pad>", "<image>", "<video>")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import (
        CLIPVisionConfig,
        LlamaConfig,
        PreTrainedTokenizerFast,
        VideoLlavaConfig,
        VideoLlavaForConditionalGeneration,
    )

    words = " ".join((*video_llava.QUESTIONS.values(), "USER: ASSISTANT: a red car drives through snow")).split()
    vocabulary = {word: number for number, word in enumerate(dict.fromkeys((*SPECIAL, *words)))}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        unk_token="<unk>",
        bos_token="<s>",
        eos_token="</s>",
        pad_token="<pad>",
        additional_special_tokens=["<image>", "<video>"],
    )
    vision = CLIPVisionConfig(
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        image_size=SIDE,
        patch_size=PATCH,
        projection_dim=16,
    )
    language = LlamaConfig(
        vocab_size=len(vocabulary),
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=2,
        max_position_embeddings=512,
        bos_token_id=vocabulary["<s>"],
        eos_token_id=vocabulary["</s>"],
        pad_token_id=vocabulary["<pad>"],
    )
    config = VideoLlavaConfig(
        vision_config=vision,
        text_config=language,
        image_token_index=vocabulary["<image>"],
        video_token_index=vocabulary["<video>"],
    )
    torch.manual_seed(1)
    place = tmp_path_factory.mktemp("tiny-video-llava")
    VideoLlavaForConditionalGeneration(config).save_pretrained(place)
    fast.save_pretrained(place)
    return place


class StandIn:
    """Makes what transformers' VideoLlavaProcessor makes, with its image processor for each frame."""

    def __init__(self, model: str) -> None:
        from transformers import PreTrainedTokenizerFast
        from transformers.models.video_llava import VideoLlavaImageProcessor

        self.tokenizer = PreTrainedTokenizerFast.from_pretrained(model)
        self.frames = VideoLlavaImageProcessor(size={"shortest_edge": SIDE}, crop_size={"height": SIDE, "width": SIDE})
        self.asked: list[str] = []
        self.batch_decode = self.tokenizer.batch_decode

    def __call__(self, text: str, videos: Any, return_tensors: str) -> Any:
        from transformers import BatchFeature

        assert text.count("<video>") == 1
        assert videos.shape == (8, 256, 256, 3)
        assert videos.dtype == np.uint8
        self.asked.append(text)
        pictures = self.frames(images=list(videos), return_tensors=return_tensors, return_legacy_image_output=False)
        tokens = len(videos) * ((SIDE // PATCH) ** 2 + 1)
        # Spaces between, for this tokenizer splits at them.
        made = self.tokenizer(text.replace("<video>", "<video> " * tokens), return_tensors=return_tensors)
        return BatchFeature(
            {
                "input_ids": made["input_ids"],
                "attention_mask": made["attention_mask"],
                "pixel_values_videos": pictures["pixel_values"][None],
            }
        )


@pytest.fixture
def standing_in(monkeypatch: pytest.MonkeyPatch, folder: Path) -> StandIn:
    stand_in = StandIn(str(folder))
    monkeypatch.setattr(video_llava, "_processor", lambda model: stand_in)
    real = importlib.util.find_spec
    monkeypatch.setattr(
        "importlib.util.find_spec", lambda name, *rest: object() if name == "torchvision" else real(name, *rest)
    )
    return stand_in


@pytest.fixture
def clip() -> Clip:
    return Clip(np.random.default_rng(1).integers(0, 256, (16, 256, 256, 3)).astype(np.uint8))


@pytest.mark.slow
def test_it_describes_by_the_prompt_of_its_name(
    standing_in: StandIn, folder: Path, clip: Clip, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GVSC_VIDEO_LLAVA", str(folder))
    general = description.load("video-llava")
    made = general.extract(clip)
    assert made == general.extract(clip)
    assert made.by == "video-llava"
    assert made.text
    assert len(made.data) <= text.MAX_BYTES
    assert not any(special in made.text for special in SPECIAL)
    assert description.load("video-llava-detailed").extract(clip).by == "video-llava-detailed"
    questions = [video_llava.QUESTIONS[prompt] for prompt in ("general", "general", "detailed")]
    assert standing_in.asked == [f"USER: <video>\n{question} ASSISTANT:" for question in questions]


@pytest.mark.slow
def test_it_is_loaded_in_half_precision_and_sees_the_clip(standing_in: StandIn, folder: Path, clip: Clip) -> None:
    llava = VideoLlava.load(str(folder))
    model = llava._model
    assert model.dtype == (torch.float16 if torch.cuda.is_available() else torch.bfloat16)
    assert not model.training
    inputs = standing_in(
        f"USER: <video>\n{video_llava.QUESTIONS['general']} ASSISTANT:", clip.video[::2], return_tensors="pt"
    ).to(model.device, model.dtype)
    with torch.inference_mode():
        one = model(**inputs).logits
        inputs["pixel_values_videos"] = -inputs["pixel_values_videos"]
        other = model(**inputs).logits
    assert not torch.equal(one, other)


@pytest.mark.slow
def test_several_captions_are_sampled_from_a_seed(standing_in: StandIn, folder: Path, clip: Clip) -> None:
    llava = VideoLlava.load(str(folder))
    before = torch.get_rng_state()
    made = llava.captions(clip.video, 3, seed=5)
    assert len(made) == 3
    assert len(set(made)) > 1
    assert llava.captions(clip.video, 3, seed=5) == made
    assert llava.captions(clip.video, 3, seed=6) != made
    assert torch.equal(torch.get_rng_state(), before)


def test_without_torchvision_it_says_so(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name, *rest: None)
    with pytest.raises(PackageError, match="video-llava needs torchvision"):
        VideoLlava.load(str(folder))


def test_a_folder_without_a_model_is_one_line(standing_in: StandIn, tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"Video-LLaVA does not load from .*GVSC_VIDEO_LLAVA") as caught:
        VideoLlava.load(str(tmp_path))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("A red car. It drives on.", "A red car. It drives on."),
        (
            "A car. " + "It drives on a road with 2.5 lanes. " * 8,
            ("A car. " + "It drives on a road with 2.5 lanes. " * 6),
        ),
        ("A car " + "and a car " * 40, "A car " + "and a car " * 40),
    ],
)
def test_what_is_too_long_ends_with_a_sentence(said: str, kept: str) -> None:
    assert video_llava._whole_sentences(said.strip(), text.MAX_BYTES) == kept.strip()
