"""`mini` as a diffusers pipeline: paints a frame by Euler steps of a flow, guided by eq. (2), and moves it on."""

from __future__ import annotations

import os
from itertools import pairwise
from typing import Any, ClassVar, NamedTuple

import numpy as np
import torch
from diffusers import DiffusionPipeline, FlowMatchEulerDiscreteScheduler
from torch import Tensor
from torch.nn import functional
from transformers import BertModel, BertTokenizerFast

from common import bfloat16
from common.errors import SettingError, WeightsError
from receiver.generators.base import GuidanceForm
from receiver.generators.mini.drawn import drawn
from receiver.generators.mini.latent import PatchLatent
from receiver.generators.mini.layout import NUMBERS, REACH, Layout, upright
from receiver.generators.mini.move import carried_back, move
from receiver.generators.mini.mover import LEAST_SHARE, SIDE, UNIT, Motion, Mover
from receiver.generators.mini.outline import STEP, encode
from receiver.generators.mini.painter import Painter, trust_of
from receiver.generators.mini.text import embed

SIZE_STEP = 32
"""Height and width must be multiples of this, as those of a burst are."""

_CELLS = 4
"""The painter halves its picture twice: inside, latents are made multiples of this many cells."""

_PLACES_AT_ONCE = 8192
"""That the layout is asked about: all at once take 48 MB for every layer."""

BRIGHTER = 2.0
"""By so much more than they are, at no trust, lines of sketches are shown to the decoder."""

LEAST_UNSEEN = 0.002
"""Share of the last frame that nothing is known of, below which nothing is painted there."""


class Visuals(NamedTuple):
    """What frames are painted from beside the text, for B frames at once: see `Painter.forward`."""

    time: Tensor
    known: Tensor
    trust: Tensor
    sketch: Tensor
    sketch_trust: Tensor

    def hidden(self) -> Visuals:
        """The same frames with nothing known of them."""
        return self._replace(trust=torch.zeros_like(self.trust), sketch_trust=torch.zeros_like(self.sketch_trust))


class Things(NamedTuple):
    """What a text names: how much of each pixel each tone of each thing covers, less what is behind another thing,
    ``tones`` (K, T, H, W) in [0, 1]; the tones' ``colours`` (K, T, 3); how background and things move, ``moves``
    (1, K + 1, F, 4) and ``centres`` (1, K + 1, 2) as in `Motion`."""

    tones: Tensor
    colours: Tensor
    moves: Tensor
    centres: Tensor

    def motion(self, background: Tensor) -> Motion:
        """Of the frame that shows them before a ``background`` (1, 3, H, W)."""
        covers = self.tones.sum(1)[None].clamp(0, 1)
        return Motion(covers.logit(LEAST_SHARE), background, self.moves, self.centres)


class MiniPipeline(DiffusionPipeline):
    """Text, a first frame, a sketch or a sketch of each frame to a clip.

    The text encoder is not this project's: it is handed over at loading and left out of what is saved.
    """

    _optional_components: ClassVar[list[str]] = ["text_encoder", "tokenizer"]

    vae: PatchLatent
    painter: Painter
    mover: Mover
    layout: Layout
    scheduler: FlowMatchEulerDiscreteScheduler
    text_encoder: BertModel | None
    tokenizer: BertTokenizerFast | None

    def __init__(
        self,
        vae: PatchLatent,
        painter: Painter,
        mover: Mover,
        layout: Layout,
        scheduler: FlowMatchEulerDiscreteScheduler,
        text_encoder: BertModel | None = None,
        tokenizer: BertTokenizerFast | None = None,
    ) -> None:
        super().__init__()
        self.register_modules(
            vae=vae,
            painter=painter,
            mover=mover,
            layout=layout,
            scheduler=scheduler,
            text_encoder=text_encoder,
            tokenizer=tokenizer,
        )

    def save_pretrained(self, save_directory: str | os.PathLike[str], **options: Any) -> None:
        """Save all but the text encoder and the tokenizer, which are not this project's to hand on."""
        own = MiniPipeline(self.vae, self.painter, self.mover, self.layout, self.scheduler)
        super(MiniPipeline, own).save_pretrained(save_directory, **options)

    @torch.no_grad()
    def __call__(
        self,
        prompt: str = "",
        image: Tensor | None = None,
        sketches: Tensor | None = None,
        snr_db: float | None = None,
        height: int = 256,
        width: int = 256,
        num_inference_steps: int = 16,
        guidance_scale: float = 2.0,
        guidance_form: GuidanceForm = "joint",
        generator: torch.Generator | None = None,
    ) -> Tensor:
        """A clip, float32 (F, 3, height, width) in [0, 1].

        ``prompt`` may be empty; ``image`` (3, height, width) in [0, 1] is the received first frame, ``sketches`` (1 or
        F, height, width) those of the first or of all frames, and ``snr_db`` the SNR they were received at
        (None: taken as clean). ``guidance_scale`` is ω of the paper's eq. (2), ``guidance_form`` its reading. A
        first frame that is not given is painted; without a sketch the layout says where its objects are. With
        sketches of all frames the others are painted, too, each from its sketch and the first frame; else they
        follow from the first by motion, and what that brings in from beyond the border is painted. Raises
        SettingError for sizes that do not fit and WeightsError where a prompt is given but no text encoder was.
        """
        frames = self.mover.frames
        if height % SIZE_STEP or width % SIZE_STEP or height <= 0 or width <= 0:
            raise SettingError(f"mini needs height and width in multiples of {SIZE_STEP}, not {height}x{width}")
        if image is not None and tuple(image.shape) != (3, height, width):
            raise SettingError(f"the first frame is {tuple(image.shape)}, but (3, {height}, {width}) is wanted")
        if sketches is not None and tuple(sketches.shape) not in ((1, height, width), (frames, height, width)):
            raise SettingError(f"the sketches are {tuple(sketches.shape)}, but (1 or {frames}, {height}, {width})")
        paint = _Paint(self, prompt, num_inference_steps, guidance_scale, guidance_form, generator, height, width)
        trust = trust_of(snr_db)
        lines = None if sketches is None else paint.padded(sketches[:, None].float())
        motion = None
        if image is not None:
            first = paint.padded(image[None].float())
            latents = self.vae.encode(first)
        else:
            line = None if lines is None else lines[:1]
            visuals = paint.visuals(torch.zeros(1), sketch=line, trust=trust)
            if line is None:
                things = paint.things()
                latents = paint.frames(visuals, paint.empty)
                background = paint.picture(latents)
                first = drawn(background, things.tones, things.colours)
                motion = things.motion(background)
            else:  # a sketch shows what a text can only tell: where things are
                latents = paint.frames(visuals)
                first = paint.picture(latents, line, trust)
        if lines is not None and len(lines) > 1:
            times = torch.arange(1, frames) / (frames - 1)
            rest = paint.frames(paint.visuals(times, sketch=lines[1:], trust=trust, elsewhere=latents))
            clip = torch.cat([first, paint.picture(rest, lines[1:], trust)])
        else:
            clip = self._moved_on(first, paint, motion)
        return clip[:, :, :height, :width].clamp(0, 1)

    def _moved_on(self, first: Tensor, paint: _Paint, motion: Motion | None) -> Tensor:
        """The clip (F, 3, H, W) that begins with ``first`` (1, 3, H, W), which moves on so, or as the mover sees it."""
        height, width = first.shape[-2:]
        if motion is None:
            with paint.precision():
                small = functional.interpolate(first, (SIDE, SIDE), mode="area")
                motion = self.mover(small, paint.text, paint.mask)
        moved = move(first, motion, height, width)
        # at rest the layers give back the first frame but for their edges
        clip, seen = torch.cat([first, moved.clip[0, 1:]]), moved.seen[0]
        if float((seen[-1] < 0.5).float().mean()) < LEAST_UNSEEN:
            return clip
        cells = -functional.max_pool2d(-seen[-1:], self.vae.patch)
        visuals = paint.visuals(torch.ones(1), here=(self.vae.encode(clip[-1:]), (cells > 0.9).float()))
        # what comes in from beyond the border is background
        last = paint.picture(paint.frames(visuals, paint.empty))
        filled = torch.lerp(carried_back(last, motion, height, width)[0], clip, seen)
        return torch.cat([first, filled[1:]])


class _Paint:
    """Painting for one call of the pipeline: its text, its guidance and its noise."""

    def __init__(
        self,
        pipeline: MiniPipeline,
        prompt: str,
        steps: int,
        guidance_scale: float,
        guidance_form: GuidanceForm,
        generator: torch.Generator | None,
        height: int,
        width: int,
    ) -> None:
        self.pipeline, self.steps, self.scale, self.form = pipeline, steps, guidance_scale, guidance_form
        patch = pipeline.vae.patch
        self.rows, self.columns = (-(-side // (patch * _CELLS)) * _CELLS for side in (height, width))
        self.text, self.mask = self._read(prompt)
        # one noise for all frames: what a sketch leaves open is then the same in all of them
        channels = pipeline.vae.channels + pipeline.painter.outline
        self.noise = torch.randn((1, channels, self.rows, self.columns), generator=generator)
        self.generator = generator
        # the outline of a frame without objects
        self.empty = encode(torch.zeros(1, STEP * self.rows, STEP * self.columns))

    def padded(self, pictures: Tensor) -> Tensor:
        """Pictures (N, C, H, W), enlarged at the right and at the bottom to what the painter can do."""
        patch = self.pipeline.vae.patch
        down, right = self.rows * patch - pictures.shape[-2], self.columns * patch - pictures.shape[-1]
        return functional.pad(pictures, (0, right, 0, down), mode="replicate") if down or right else pictures

    def visuals(
        self,
        time: Tensor,
        *,
        sketch: Tensor | None = None,
        trust: float = 1.0,
        here: tuple[Tensor, Tensor] | None = None,
        elsewhere: Tensor | None = None,
    ) -> Visuals:
        """For the frames at ``time`` (B,): their sketches (B, 1, H, W), and latents (1, C, h, w), ``here`` of the
        frame itself with the cells (1, 1, h, w) in which they hold, or ``elsewhere`` of another frame of the clip."""
        count, patch = len(time), self.pipeline.vae.patch
        known = torch.zeros(1, self.pipeline.vae.channels, self.rows, self.columns)
        trusted = torch.zeros(count, 2, self.rows, self.columns)
        if here is not None:
            known, trusted[:, :1] = here
        elif elsewhere is not None:
            known = elsewhere
            trusted[:, 1] = 1.0
        return Visuals(
            time,
            known.expand(count, -1, -1, -1),
            trusted,
            torch.zeros(count, 1, self.rows * patch, self.columns * patch) if sketch is None else sketch,
            torch.full((count,), 0.0 if sketch is None else trust),
        )

    def things(self) -> Things:
        """What the text names, by as many steps. It is in the largest square in the middle of the picture, whose sides
        are at -1 and 1."""
        layout = self.pipeline.layout
        numbers = torch.randn((1, layout.slots, NUMBERS), generator=self.generator)
        for level, after in pairwise(torch.linspace(1.0, 0.0, self.steps + 1)):
            clean = layout(numbers, level[None], self.text, self.mask).numbers
            numbers = clean + (numbers - clean) * (after / level)
        found = layout(numbers, torch.zeros(1), self.text, self.mask)
        height, width = (self.pipeline.vae.patch * cells for cells in (self.rows, self.columns))
        square = min(height, width)
        down, across = ((2 * torch.arange(side) + 1 - side) / square for side in (height, width))
        places = torch.stack([across.expand(height, width), down[:, None].expand(height, width)], 2).flatten(0, 1)
        made = torch.zeros(layout.slots, layout.tone_count, height * width)
        for slot in range(layout.slots):
            if float(numbers[0, slot, 0]) <= 0:
                continue
            own = slice(slot, slot + 1)
            seen = upright(numbers[:, own], places.expand(1, 1, -1, -1))
            within = (seen.abs().amax(3) < REACH)[0, 0].nonzero()[:, 0]
            for some in within.split(_PLACES_AT_ONCE):
                share = layout.tones(found.code[:, own], seen[:, :, some]).softmax(3)[0, 0]
                made[:slot, :, some] *= share[:, 0]  # of what is behind it, what it leaves to be seen
                made[slot][:, some] = share[:, 1:].T
        moves, centres = _in_units(numbers, found.moves, height, width)
        return Things(made.unflatten(2, (height, width)), found.colours[0].clamp(0, 1), moves, centres)

    def frames(self, visuals: Visuals, outline: Tensor | None = None) -> Tensor:
        """Latents (B, C, h, w) of frames, by ``steps`` Euler steps from noise to picture. An ``outline`` (B, O, h, w)
        that is given stands in them all the way, without noise."""
        scheduler, channels = self.pipeline.scheduler, self.pipeline.vae.channels
        scheduler.set_timesteps(sigmas=np.linspace(1.0, 1.0 / self.steps, self.steps))
        latents = self.noise.expand(len(visuals.time), -1, -1, -1)
        for timestep, level in zip(scheduler.timesteps, scheduler.sigmas, strict=False):
            if outline is not None:
                latents = torch.cat([latents[:, :channels], (1 - level) * outline], 1)
            with self.precision():
                velocity = self._velocity(latents, level, visuals)
            latents = scheduler.step(velocity, timestep, latents).prev_sample
        return latents[:, :channels]

    def _velocity(self, latents: Tensor, level: Tensor, visuals: Visuals) -> Tensor:
        """Eq. (2): ε(c_v) + ω·[ε(c_v, c_t) - ε(c_v)], or in its literal form ε(c_v) + ω·[ε(c_t) - ε(c_v)]."""
        count = len(latents)
        text, mask = self.text.expand(count, -1, -1), self.mask.expand(count, -1)
        if not bool(mask.any()):
            return (latents - self._clean(latents, level, text, mask, visuals)) / level
        told = visuals.hidden() if self.form == "literal" else visuals
        if self.scale == 1.0:
            return (latents - self._clean(latents, level, text, mask, told)) / level
        both = Visuals(*(torch.cat([one, two]) for one, two in zip(visuals, told, strict=True)))
        text, mask = torch.cat([torch.zeros_like(text), text]), torch.cat([torch.zeros_like(mask), mask])
        clean = self._clean(latents.repeat(2, 1, 1, 1), level, text, mask, both)
        silent, spoken = ((latents - part) / level for part in clean.chunk(2))
        return silent + self.scale * (spoken - silent)

    def _clean(self, latents: Tensor, level: Tensor, text: Tensor, mask: Tensor, visuals: Visuals) -> Tensor:
        return self.pipeline.painter(latents, level.repeat(len(latents)), text, mask, *visuals)

    def picture(self, latents: Tensor, sketches: Tensor | None = None, trust: float = 1.0) -> Tensor:
        """Pictures (B, 3, H, W) of latents. Sketches (B, 1, H, W) count in full, and where they are to be trusted less
        their lines are made brighter: noise leaves fewer of them, and dimmer ones, but where they are edges are.
        Without any trust there are none."""
        lines = None if sketches is None or trust == 0.0 else (sketches * (1 + BRIGHTER * (1 - trust))).clamp(0, 1)
        with self.precision():
            return self.pipeline.vae.decode(latents, lines).float()

    def precision(self) -> torch.autocast:
        return torch.autocast("cpu", torch.bfloat16, enabled=bfloat16.is_fast())

    def _read(self, prompt: str) -> tuple[Tensor, Tensor]:
        """Word vectors (1, L, D) and their mask (1, L); without a prompt one place that holds nothing."""
        pipeline = self.pipeline
        if not prompt.strip():
            return torch.zeros(1, 1, pipeline.painter.config.text_width), torch.zeros(1, 1)
        if pipeline.text_encoder is None or pipeline.tokenizer is None:
            raise WeightsError("mini has no text encoder: pass text_encoder and tokenizer to from_pretrained")
        return embed([prompt], pipeline.tokenizer, pipeline.text_encoder)


def _in_units(numbers: Tensor, moves: Tensor, height: int, width: int) -> tuple[Tensor, Tensor]:
    """The layout's ``moves`` (1, K + 1, F, 4), and where background and things are by its ``numbers`` (1, K, NUMBERS),
    (1, K + 1, 2): in units of UNIT a side, however long."""
    square = torch.tensor([min(height, width) / width, min(height, width) / height])
    things = (numbers[..., 1:3] * square + 1) * (UNIT / 2)
    centres = torch.cat([torch.full((1, 1, 2), UNIT / 2), things], 1)
    return torch.cat([moves[..., :2] * square, moves[..., 2:]], 3), centres
