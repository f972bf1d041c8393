"""`mini` as a diffusers pipeline: sampling by Euler steps of a flow from noise to a clip, guided by eq. (2)."""

from __future__ import annotations

import os
from typing import Any, ClassVar

import numpy as np
import torch
from diffusers import DiffusionPipeline, FlowMatchEulerDiscreteScheduler
from torch import Tensor
from transformers import BertModel, BertTokenizerFast

from common.errors import SettingError, WeightsError
from receiver.generators.mini.detail import with_detail
from receiver.generators.mini.latent import PatchLatent
from receiver.generators.mini.prior import SNR_KNOTS_DB
from receiver.generators.mini.text import embed
from receiver.generators.mini.unet import VideoUNet

SIZE_STEP = 32
"""Height and width must be multiples of this: a patch of 16, halved once inside the denoiser."""


class MiniPipeline(DiffusionPipeline):
    """Text to clip, and first frame and text to clip.

    The text encoder is not this project's: it is handed over at loading and left out of what is saved.
    """

    _optional_components: ClassVar[list[str]] = ["text_encoder", "tokenizer"]

    vae: PatchLatent
    unet: VideoUNet
    scheduler: FlowMatchEulerDiscreteScheduler
    text_encoder: BertModel | None
    tokenizer: BertTokenizerFast | None

    def __init__(
        self,
        vae: PatchLatent,
        unet: VideoUNet,
        scheduler: FlowMatchEulerDiscreteScheduler,
        text_encoder: BertModel | None = None,
        tokenizer: BertTokenizerFast | None = None,
    ) -> None:
        super().__init__()
        self.register_modules(vae=vae, unet=unet, scheduler=scheduler, text_encoder=text_encoder, tokenizer=tokenizer)

    def save_pretrained(self, save_directory: str | os.PathLike[str], **options: Any) -> None:
        """Save vae, unet and scheduler; the text encoder and the tokenizer are not this project's to hand on."""
        own = MiniPipeline(self.vae, self.unet, self.scheduler)
        super(MiniPipeline, own).save_pretrained(save_directory, **options)

    @torch.no_grad()
    def __call__(
        self,
        prompt: str = "",
        image: Tensor | None = None,
        snr_db: float | None = None,
        height: int = 256,
        width: int = 256,
        num_inference_steps: int = 12,
        guidance_scale: float = 2.0,
        temperature: float = 1.0,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        """A clip, float32 (F, 3, height, width) in [0, 1].

        ``prompt`` may be empty; ``image`` (3, height, width) in [0, 1] is the received first frame and ``snr_db`` the
        SNR it was received at (None: taken as clean). ``guidance_scale`` is ω of the paper's eq. (2) in its joint
        form: both branches see the image, only one the prompt. ``temperature`` scales the initial noise: below one,
        clips vary less and stay nearer to what is most probable. Raises SettingError for sizes that do not fit and
        WeightsError where a prompt is given but no text encoder was.
        """
        if height % SIZE_STEP or width % SIZE_STEP or height <= 0 or width <= 0:
            raise SettingError(f"mini needs height and width in multiples of {SIZE_STEP}, not {height}x{width}")
        if image is not None and tuple(image.shape) != (3, height, width):
            raise SettingError(f"the first frame is {tuple(image.shape)}, but (3, {height}, {width}) is wanted")
        text, mask = self._read(prompt)
        guided = bool(mask.any()) and guidance_scale != 1.0
        frame = torch.zeros(1, 3, height, width) if image is None else image[None].float()
        has_frame = torch.tensor([0.0 if image is None else 1.0])
        snr = torch.tensor([SNR_KNOTS_DB[-1] if snr_db is None else float(snr_db)])
        kernel, offset = self.vae.analysis()

        shape = (1, self.unet.frames, self.vae.channels, height // self.vae.patch, width // self.vae.patch)
        latents = temperature * torch.randn(shape, generator=generator)
        self.scheduler.set_timesteps(sigmas=np.linspace(1.0, 1.0 / num_inference_steps, num_inference_steps))
        branches = 2 if guided else 1
        if guided:
            text, mask = torch.cat([text, text]), torch.cat([torch.zeros_like(mask), mask])
        frame, has_frame, snr = frame.repeat(branches, 1, 1, 1), has_frame.repeat(branches), snr.repeat(branches)
        for timestep, level in zip(self.scheduler.timesteps, self.scheduler.sigmas, strict=False):
            with torch.autocast("cpu", torch.bfloat16, enabled=_has_fast_bfloat16()):
                clean, flow = self.unet(
                    latents.repeat(branches, 1, 1, 1, 1), level.repeat(branches), text * mask[..., None], mask,
                    frame, has_frame, snr, kernel, offset,
                )  # fmt: skip
            velocity = (latents - clean) / level
            if guided:
                seen, told = velocity.chunk(2)
                velocity = seen + guidance_scale * (told - seen)
            latents = self.scheduler.step(velocity, timestep, latents).prev_sample
        held = self.vae.encode(frame[:1])
        with torch.autocast("cpu", torch.bfloat16, enabled=_has_fast_bfloat16()):
            clip = self.vae.decode(latents[0]).float()
            if image is not None:
                coarse = self.vae.decode(held)[0].float()
                clip = with_detail(clip, frame[0], coarse, flow[-1])
        return clip.clamp(0, 1)

    def _read(self, prompt: str) -> tuple[Tensor, Tensor]:
        """Word vectors (1, L, D) and their mask (1, L); without a prompt one place that holds nothing."""
        if not prompt.strip():
            return torch.zeros(1, 1, self.unet.config.text_width), torch.zeros(1, 1)
        if self.text_encoder is None or self.tokenizer is None:
            raise WeightsError("mini has no text encoder: pass text_encoder and tokenizer to from_pretrained")
        return embed([prompt], self.tokenizer, self.text_encoder)


def _has_fast_bfloat16() -> bool:
    """Where the processor has no bfloat16 products, emulating them would be slower than float32."""
    return bool(torch.cpu._is_avx512_bf16_supported())
