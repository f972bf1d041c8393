"""`video-llava`: Video-LLaVA (Lin et al., arXiv 2311.10122) through transformers, as in the paper (II-A).

It describes in general or in detail, by its prompt. The paper does not print its prompts; these are this project's.
"""

from __future__ import annotations

import importlib.util
import os
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from common.clip import Clip
from common.codecs import text
from common.errors import PackageError, WeightsError
from common.needs import Hub, Need, Package
from transmitter.extract.base import CAPTIONER, EXTRACTORS
from transmitter.extract.description.base import Description

Prompt = Literal["general", "detailed"]

VARIABLE: Final = "GVSC_VIDEO_LLAVA"
"""Environment variable that names another model: an id on the Hugging Face hub, or a folder."""

MODEL: Final = Hub("LanguageBind/Video-LLaVA-7B-hf", None, 14.7, 14.7, processor=True, variable=VARIABLE)

NEEDS: Final[tuple[Need, ...]] = (
    MODEL,
    Package("torchvision", "torchvision", "install the build of it that fits this torch"),
    Package("transformers", "transformers"),
    Package("accelerate", "accelerate"),
)

FRAMES: Final = 8
"""Frames that the model was trained on (its paper, 4.1)."""

QUESTIONS: Final[dict[Prompt, str]] = {
    "general": "Describe this video in one short sentence.",
    "detailed": "Describe this video in detail: what is in it, how it looks, and how it moves.",
}

MAX_NEW_TOKENS: Final[dict[Prompt, int]] = {"general": 48, "detailed": 160}


class VideoLlava:
    """Holds the model. Its description is the likeliest word after word; captions for a score are sampled."""

    def __init__(self, model: Any, processor: Any, prompt: Prompt = "general") -> None:
        """``model`` and ``processor`` are transformers' own for Video-LLaVA."""
        self.name = "video-llava" if prompt == "general" else f"video-llava-{prompt}"
        self._model = model
        self._processor = processor
        self._prompt = prompt

    @classmethod
    def from_settings(cls, prompt: Prompt) -> VideoLlava:
        """The model that ``GVSC_VIDEO_LLAVA`` names, else MODEL. Raises PackageError, WeightsError."""
        return cls.load(os.environ.get(VARIABLE) or MODEL.id, prompt)

    @classmethod
    def load(cls, model: str, prompt: Prompt = "general") -> VideoLlava:
        """From the hub or a folder, in half precision, over the devices there are; only from safetensors.

        Raises PackageError where torchvision is missing, WeightsError where the model is or does not load.
        """
        if importlib.util.find_spec("torchvision") is None:
            raise PackageError(
                "video-llava needs torchvision, which the model's video processor uses and is not installed: "
                "install the build of it that fits this torch, or choose another captioner"
            )
        import torch
        from transformers import VideoLlavaForConditionalGeneration

        half = torch.float16 if torch.cuda.is_available() else torch.bfloat16
        try:
            processor = _processor(model)
            network = VideoLlavaForConditionalGeneration.from_pretrained(
                model, dtype=half, device_map="auto", use_safetensors=True
            )
        except (OSError, ValueError, RuntimeError) as error:
            reason = str(error).strip().splitlines()[0]
            raise WeightsError(f"Video-LLaVA does not load from {model}: {reason}; see {VARIABLE}") from None
        return cls(network.eval(), processor, prompt)

    def extract(self, clip: Clip) -> Description:
        """The likeliest description. Where it is too long for the air, its whole sentences that fit."""
        said = " ".join(self._generate(clip.video, self._prompt, do_sample=False)[0].split())
        fitted = _whole_sentences(said, text.MAX_BYTES)
        made = Description.of(fitted, self.name)
        return Description(made.data, made.was_cut or fitted != said, made.by)

    def captions(
        self, video: NDArray[np.uint8], count: int, seed: int, prompt: Prompt = "general", temperature: float = 0.7
    ) -> list[str]:
        """``count`` sampled captions of a clip, uint8 (F, H, W, 3): those that the paper's BERT score averages over
        (III-B, three a video). The same seed gives the same ones. Leaves torch's own generators as they were.
        """
        import torch

        devices = [self._model.device] if self._model.device.type == "cuda" else []
        with torch.random.fork_rng(devices):
            torch.manual_seed(seed)
            said = self._generate(
                video, prompt, do_sample=True, temperature=temperature, num_return_sequences=count, top_p=1.0, top_k=0
            )
        return [" ".join(caption.split()) for caption in said]

    def _generate(self, video: NDArray[np.uint8], prompt: Prompt, **how: Any) -> list[str]:
        import torch

        frames = video[np.linspace(0, len(video) - 1, FRAMES).round().astype(int)]
        question = f"USER: <video>\n{QUESTIONS[prompt]} ASSISTANT:"
        inputs = self._processor(text=question, videos=frames, return_tensors="pt")
        inputs = inputs.to(self._model.device, self._model.dtype)
        with torch.inference_mode():
            tokens = self._model.generate(**inputs, max_new_tokens=MAX_NEW_TOKENS[prompt], **how)
        answers = tokens[:, inputs["input_ids"].shape[1] :]
        said: list[str] = self._processor.batch_decode(answers, skip_special_tokens=True)
        return said


def _processor(model: str) -> Any:
    from transformers import AutoProcessor

    return AutoProcessor.from_pretrained(model)


def _whole_sentences(said: str, max_bytes: int) -> str:
    """The sentences of ``said``, one line, that fit into ``max_bytes`` of UTF-8; all of it if the first does not."""
    ends = [i + 1 for i, c in enumerate(said) if c in ".!?" and said[i + 1 : i + 2] in ("", " ")]
    fitting = [end for end in (*ends, len(said)) if len(said[:end].encode()) <= max_bytes]
    return said[: fitting[-1]] if fitting else said


@EXTRACTORS.register("video-llava", "Video-LLaVA 7B, one short sentence", needs=NEEDS, kind=CAPTIONER)
def load_general() -> VideoLlava:
    """That describes in general. Raises PackageError, WeightsError."""
    return VideoLlava.from_settings("general")


@EXTRACTORS.register("video-llava-detailed", "Video-LLaVA 7B, in detail", needs=NEEDS, kind=CAPTIONER)
def load_detailed() -> VideoLlava:
    """That describes in detail. Raises PackageError, WeightsError."""
    return VideoLlava.from_settings("detailed")
