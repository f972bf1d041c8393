"""Tiny random instances of the large generators' real classes, built from configurations and saved as on the hub.

Made once a session, without any download. With random weights conditions hardly move the output: they test plumbing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from receiver.generators.base import Conditions
from receiver.generators.large import memory
from receiver.generators.options import GeneratorOptions

WORDS = ["a", "red", "blue", "star", "moves", "left", "right"]
SIDE = 64


@pytest.fixture(scope="module", autouse=True)
def roomy() -> Iterator[None]:
    """A machine with room for the real models, without a GPU: the tiny ones are planned for as if they were these."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(memory, "measured", lambda device: memory.Free(64e9, None))
        yield


def _random(*models: torch.nn.Module) -> None:
    """Every weight random, those too that start at zero."""
    for model in models:
        for name, parameter in model.named_parameters():
            if parameter.ndim > 1 or "controlnet" in name:
                torch.nn.init.normal_(parameter, 0.0, 0.1)


def _t5_tokenizer():
    from transformers import T5Tokenizer

    pieces = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("▁", -2.0)]
    return T5Tokenizer(vocab=[*pieces, *((f"▁{word}", -3.0) for word in WORDS)], extra_ids=0)


def _t5_sizes() -> dict[str, int]:
    return {"d_model": 32, "d_ff": 32, "d_kv": 8, "num_heads": 2, "num_layers": 1, "vocab_size": 16}


def _clip_tokenizer():
    from transformers import CLIPTokenizer

    letters = sorted(set("".join(WORDS)))
    pieces = [*letters, *(f"{letter}</w>" for letter in letters), "<|startoftext|>", "<|endoftext|>"]
    return CLIPTokenizer(vocab={piece: n for n, piece in enumerate(pieces)}, merges=[], model_max_length=77)


def _clip_encoder(kind):
    from transformers import CLIPTextConfig

    ends = len(set("".join(WORDS))) * 2
    return kind(
        CLIPTextConfig(
            vocab_size=ends + 2, hidden_size=16, intermediate_size=16, num_hidden_layers=2, num_attention_heads=2,
            projection_dim=16, bos_token_id=ends, eos_token_id=ends + 1, pad_token_id=ends + 1,
        )
    )  # fmt: skip


@pytest.fixture(scope="session")
def wan_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from diffusers import AutoencoderKLWan, UniPCMultistepScheduler, WanVACEPipeline, WanVACETransformer3DModel
    from transformers import UMT5Config, UMT5EncoderModel

    torch.manual_seed(1)
    vae = AutoencoderKLWan(
        base_dim=4, z_dim=16, dim_mult=[1, 1, 1, 1], num_res_blocks=1, temperal_downsample=[False, True, True]
    )
    transformer = WanVACETransformer3DModel(
        patch_size=(1, 2, 2), num_attention_heads=2, attention_head_dim=12, in_channels=16, out_channels=16,
        text_dim=32, freq_dim=32, ffn_dim=48, num_layers=2, cross_attn_norm=True,
        qk_norm="rms_norm_across_heads", rope_max_seq_len=64, vace_layers=[0, 1], vace_in_channels=96,
    )  # fmt: skip
    _random(transformer)
    pipeline = WanVACEPipeline(
        tokenizer=_t5_tokenizer(),
        text_encoder=UMT5EncoderModel(UMT5Config(**_t5_sizes())),
        vae=vae,
        transformer=transformer,
        scheduler=UniPCMultistepScheduler(prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=5.0),
    )
    folder = tmp_path_factory.mktemp("wan")
    pipeline.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def sd35_folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The pipeline's folder and the ControlNet's."""
    from diffusers import (
        AutoencoderKL,
        FlowMatchEulerDiscreteScheduler,
        SD3ControlNetModel,
        SD3Transformer2DModel,
        StableDiffusion3Pipeline,
    )
    from transformers import CLIPTextModelWithProjection, T5Config, T5EncoderModel

    torch.manual_seed(2)
    sizes = {
        "sample_size": 8, "patch_size": 2, "in_channels": 16, "attention_head_dim": 8,
        "num_attention_heads": 2, "caption_projection_dim": 16, "pooled_projection_dim": 32, "out_channels": 16,
        "pos_embed_max_size": 16,
    }  # fmt: skip
    # The last block takes nothing from a control, so there are two.
    transformer = SD3Transformer2DModel(num_layers=2, joint_attention_dim=32, **sizes)
    # As published for SD3.5: no text of its own, and the transformer's positions.
    control = SD3ControlNetModel(
        num_layers=1, joint_attention_dim=None, use_pos_embed=False, force_zeros_for_pooled_projection=False, **sizes
    )
    _random(transformer, control)
    pipeline = StableDiffusion3Pipeline(
        transformer=transformer,
        scheduler=FlowMatchEulerDiscreteScheduler(shift=3.0),
        vae=AutoencoderKL(
            block_out_channels=(4, 4, 4, 4), down_block_types=("DownEncoderBlock2D",) * 4,
            up_block_types=("UpDecoderBlock2D",) * 4, latent_channels=16, norm_num_groups=2, use_quant_conv=False,
            use_post_quant_conv=False, shift_factor=0.0609, scaling_factor=1.5305,
        ),
        text_encoder=_clip_encoder(CLIPTextModelWithProjection),
        tokenizer=_clip_tokenizer(),
        text_encoder_2=_clip_encoder(CLIPTextModelWithProjection),
        tokenizer_2=_clip_tokenizer(),
        text_encoder_3=T5EncoderModel(T5Config(**_t5_sizes())),
        tokenizer_3=_t5_tokenizer(),
    )  # fmt: skip
    folder = tmp_path_factory.mktemp("sd35")
    pipeline.save_pretrained(folder / "pipeline")
    control.save_pretrained(folder / "canny")
    return folder / "pipeline", folder / "canny"


@pytest.fixture(scope="session")
def animatediff_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Holds a folder for each part."""
    from diffusers import (
        AutoencoderKL,
        MotionAdapter,
        PNDMScheduler,
        SparseControlNetModel,
        StableDiffusionPipeline,
        UNet2DConditionModel,
    )
    from transformers import CLIPTextModel

    torch.manual_seed(3)
    widths = (8, 16)
    unet = UNet2DConditionModel(
        block_out_channels=widths, down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"), layers_per_block=1, cross_attention_dim=16,
        attention_head_dim=2, norm_num_groups=2, sample_size=8,
    )  # fmt: skip
    motion = MotionAdapter(
        block_out_channels=widths, motion_layers_per_block=1, motion_norm_num_groups=2, motion_num_attention_heads=2,
        motion_max_seq_length=16,
    )  # fmt: skip
    controls = {
        name: SparseControlNetModel(
            block_out_channels=widths, down_block_types=("CrossAttnDownBlockMotion", "DownBlockMotion"),
            layers_per_block=1, cross_attention_dim=16, attention_head_dim=2, norm_num_groups=2,
            motion_num_attention_heads=2, conditioning_embedding_out_channels=(4, 4, 4, 4),
            conditioning_channels=4 if simple else 3, use_simplified_condition_embedding=simple,
        )
        for name, simple in (("scribble", False), ("rgb", True))
    }  # fmt: skip
    _random(unet, *controls.values())
    pipeline = StableDiffusionPipeline(
        vae=AutoencoderKL(
            block_out_channels=(4, 4, 4, 4), down_block_types=("DownEncoderBlock2D",) * 4,
            up_block_types=("UpDecoderBlock2D",) * 4, norm_num_groups=2,
        ),
        text_encoder=_clip_encoder(CLIPTextModel),
        tokenizer=_clip_tokenizer(),
        unet=unet,
        scheduler=PNDMScheduler(beta_schedule="scaled_linear", skip_prk_steps=True, steps_offset=1),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )  # fmt: skip
    folder = tmp_path_factory.mktemp("animatediff")
    pipeline.save_pretrained(folder / "sd15")
    for name, model in {"motion": motion, **controls}.items():
        model.save_pretrained(folder / name)
    return folder


@pytest.fixture(scope="session")
def options() -> Callable[..., GeneratorOptions]:
    """Options for tiny instances on the CPU: places, and what else is to be said."""

    def build(*model: str | Path, **others) -> GeneratorOptions:
        defaults = {"device": "cpu", "precision": "float32", "side": SIDE}
        return GeneratorOptions(**{"model": tuple(map(str, model)), **defaults, **others})

    return build


@pytest.fixture(scope="session")
def conditions() -> Callable[..., Conditions]:
    """Conditions for a role, 64×64 (or ``height``, ``width``); another ``shade`` gives other pictures."""

    def build(role: str, text: str | None = "a red star moves left", shade: float = 0.0, **others) -> Conditions:
        height, width, frames = others.get("height", SIDE), others.get("width", SIDE), others.get("frames", 4)
        frame = np.random.default_rng(4).random((3, height, width), np.float32) * 0.5 + np.float32(shade)
        sketches = np.zeros((frames, height, width), np.float32)
        for number in range(frames):
            sketches[number, :, 8 + 3 * (number % 8) + int(shade * 8)] = 1.0
        pictures = {
            "text": {},
            "frame-text": {"first_frame": frame},
            "sketch-text": {"sketches": sketches[:1]},
            "sketches-text": {"sketches": sketches},
        }[role]
        return Conditions.of(text, **{"frames": frames, "height": height, "width": width, **pictures, **others})

    return build


class Recorder:
    """Stands before a pipeline, keeps what it is called with, and gives back frame k as grey of k/100."""

    def __init__(self, pipeline) -> None:
        self._pipeline = pipeline
        self.calls: list[dict] = []

    def __getattr__(self, name: str):
        return getattr(self._pipeline, name)

    def __call__(self, **inputs):
        self.calls.append(inputs)
        frames = np.arange(inputs.get("num_frames", 1), dtype=np.float32)[:, None, None, None] / 100
        made = np.broadcast_to(frames, (len(frames), inputs["height"], inputs["width"], 3))
        return SimpleNamespace(images=made) if "num_frames" not in inputs else SimpleNamespace(frames=made[None])


@pytest.fixture(scope="session")
def recorder() -> type[Recorder]:
    return Recorder


def same(one, other) -> bool:
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(np.all(np.asarray(one) == np.asarray(other)))


@pytest.fixture(scope="session")
def changed() -> Callable[[dict, dict], set[str]]:
    """The names of the inputs that two calls differ in, the random generator left out."""
    return lambda one, other: {
        name
        for name in {*one, *other} - {"generator"}
        if name not in one or name not in other or not same(one[name], other[name])
    }


@pytest.fixture
def cpu_for_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """Layers can be offloaded from the CPU to itself: diffusers names devices with a number, which a CPU has not."""
    import accelerate

    offload = accelerate.cpu_offload
    monkeypatch.setattr(
        accelerate, "cpu_offload", lambda model, device, **more: offload(model, torch.device(device.type), **more)
    )
