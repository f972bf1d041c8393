"""`mini` as a pipeline: paints a frame by Euler steps of a flow, guided by eq. (2), and moves it on."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any, Final, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from common import bfloat16
from common.errors import SettingError, WeightsError
from receiver.generators.base import GuidanceForm
from receiver.generators.mini import flow, network
from receiver.generators.mini.latent import PatchLatent
from receiver.generators.mini.layout import Layout
from receiver.generators.mini.move import carried_back, move
from receiver.generators.mini.mover import SIDE, Motion, Mover
from receiver.generators.mini.outline import STEP, encode
from receiver.generators.mini.painter import Painter, trust_of
from receiver.generators.mini.text import TextEncoder
from receiver.generators.mini.things import Frame, Shown, Things

SIZE_STEP = 32
"""Height and width must be multiples of this, as those of a burst are."""

_CELLS = 4
"""The painter halves its picture twice: inside, latents are made multiples of this many cells."""

PARTS: Final[dict[str, type[network.Network]]] = {
    "painter": Painter,
    "mover": Mover,
    "layout": Layout,
    "vae": PatchLatent,
}
"""Networks of the pipeline by name, which is the name of their folder."""

INDEX: Final = "model_index.json"
SCHEDULER: Final = "scheduler"
_SCHEDULER_CONFIG: Final = "scheduler_config.json"

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


class MiniPipeline:
    """Text, a first frame, a sketch or a sketch of each frame to a clip.

    The text encoder is not this project's: it is handed over at loading and left out of what is saved.
    """

    def __init__(
        self,
        vae: PatchLatent,
        painter: Painter,
        mover: Mover,
        layout: Layout,
        text_encoder: TextEncoder | None = None,
    ) -> None:
        self.vae, self.painter, self.mover, self.layout = vae, painter, mover, layout
        self.text_encoder = text_encoder

    @classmethod
    def load(cls, folder: Path, text_encoder: TextEncoder | None = None) -> MiniPipeline:
        """From a folder that :meth:`save` wrote, with every tensor from there, float32, convolutions channels last.

        Raises WeightsError for files that are missing, damaged, or of another version.
        """
        index = _read_index(folder)
        for name, kind in {**PARTS, SCHEDULER: None}.items():
            told, wanted = index.get(name), flow.CLASS if kind is None else kind.__name__
            if not isinstance(told, list) or told[-1:] != [wanted]:
                raise WeightsError(f"the {name} in {folder} is {told}, not a {wanted}")
        settings = network.read_config(folder / SCHEDULER / _SCHEDULER_CONFIG, flow.CLASS)
        for name, value in flow.SETTINGS.items():
            if settings.get(name, value) != value:
                raise WeightsError(f"the scheduler in {folder} has {name} {settings[name]!r}, not {value!r}")
        parts: dict[str, Any] = {name: network.load(kind, folder / name) for name, kind in PARTS.items()}
        for part in parts.values():
            part.to(memory_format=torch.channels_last)
        return cls(**parts, text_encoder=text_encoder)

    def save(self, folder: Path, most_bytes: int = 16 << 20) -> None:
        """Writes all but the text encoder, which is not this project's to hand on, laid out as diffusers lays a
        pipeline out: an index and a folder for each part, of files with at most ``most_bytes`` of tensors."""
        folder.mkdir(parents=True, exist_ok=True)
        index: dict[str, Any] = {"_class_name": type(self).__name__, "text_encoder": [None, None]}
        index |= {"tokenizer": [None, None], SCHEDULER: ["diffusers", flow.CLASS]}
        for name, kind in PARTS.items():
            network.save(getattr(self, name), folder / name, most_bytes)
            index[name] = [kind.__module__, kind.__name__]
        (folder / SCHEDULER).mkdir()
        network.write_config(folder / SCHEDULER / _SCHEDULER_CONFIG, flow.CLASS, flow.SETTINGS)
        network.write_json(folder / INDEX, index)

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
        first frame that is not given is painted, and what the layout knows of the text is drawn before it: where it
        thinks, or where the sketch shows it. With sketches of all frames so are the others, each from its sketch and
        the first frame; else they follow from the first by motion, and what that brings in from beyond the border is
        painted. Raises SettingError for sizes that do not fit and WeightsError where a prompt is given but no text
        encoder was.
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
        if image is not None:
            first, shown = paint.padded(image[None].float()), None
            background, latents = first, self.vae.encode(first)
        else:
            shown = paint.shown(lines)
            if shown is not None and lines is not None:
                lines = lines * (1 - shown.hidden())  # what is drawn before it, the painter need not see
            latents, background = paint.background(torch.zeros(1), shown, None if lines is None else lines[:1], trust)
            if shown is not None and shown.patterned:
                shown = shown.coloured(background)
                background = shown.pattern(torch.zeros(1))
            first = background if shown is None else shown.before(background, 0)
        if lines is not None and len(lines) > 1:
            clip = self._along(lines, first, background, latents, paint, shown, trust)
        else:
            motion = None if shown is None else shown.motion(background)
            clip = self._moved_on(first, paint, motion, shown)
        return clip[:, :, :height, :width].clamp(0, 1)

    def _along(
        self,
        lines: Tensor,
        first: Tensor,
        background: Tensor,
        latents: Tensor,
        paint: _Paint,
        shown: Shown | None,
        trust: float,
    ) -> Tensor:
        """The clip that begins with ``first`` and goes on along the sketches: of all frames what is found in them,
        before the background of the first one, moved as the text says; or where that is nothing, each painted anew."""
        times = torch.arange(1, len(lines)) / (len(lines) - 1)
        if shown is None:
            return torch.cat([first, paint.background(times, None, lines[1:], trust, latents)[1]])
        if shown.patterned:
            rest = shown.pattern(times)
        else:
            rest = self._moved_on(background, paint, shown.camera(background), shown)[1:]
        return torch.cat([first, *(shown.before(one[None], time) for time, one in enumerate(rest, 1))])

    def _moved_on(self, first: Tensor, paint: _Paint, motion: Motion | None, shown: Shown | None) -> Tensor:
        """The clip (F, 3, H, W) that begins with ``first`` (1, 3, H, W) and moves so, or as the mover sees it."""
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
        # what comes in from beyond the border is background
        if shown is not None and shown.patterned:
            last = shown.pattern(torch.ones(1))
        else:
            cells = -functional.max_pool2d(-seen[-1:], self.vae.patch)
            visuals = paint.visuals(torch.ones(1), here=(self.vae.encode(clip[-1:]), (cells > 0.9).float()))
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
        self.frame = Frame(patch * self.rows, patch * self.columns, height, width)
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

    def shown(self, lines: Tensor | None) -> Shown | None:
        """What the text names and is to be seen: by itself, or in sketches (1 or F, 1, H, W); None where that is
        nothing."""
        if not bool(self.mask.any()):
            return None
        things = Things(self.pipeline.layout, self.text, self.mask, self.frame)
        if lines is None:
            return things.told(self.steps, self.generator)
        found = things.found(lines, self.steps, self.generator)
        return found if found.patterned or found.objects else None

    def background(
        self,
        times: Tensor,
        shown: Shown | None,
        lines: Tensor | None,
        trust: float,
        elsewhere: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Latents (B, C, h, w) and pictures (B, 3, H, W) of frames at ``times`` (B,), without what is shown before them
        if that is known; ``elsewhere`` the latents of another frame."""
        visuals = self.visuals(times, sketch=lines, trust=trust, elsewhere=elsewhere)
        latents = self.frames(visuals, None if shown is None else self.empty)
        return latents, self.picture(latents, lines, trust)

    def frames(self, visuals: Visuals, outline: Tensor | None = None) -> Tensor:
        """Latents (B, C, h, w) of frames, by ``steps`` Euler steps from noise to picture. An ``outline`` (B, O, h, w)
        that is given stands in them all the way, without noise."""
        channels = self.pipeline.vae.channels
        latents = self.noise.expand(len(visuals.time), -1, -1, -1)
        for level, after in pairwise(flow.levels(self.steps)):
            if outline is not None:
                given = (1 - level) * outline.expand(len(latents), -1, -1, -1)
                latents = torch.cat([latents[:, :channels], given], 1)
            with self.precision():
                velocity = self._velocity(latents, level, visuals)
            latents = flow.euler(latents, velocity, level, after)
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
            return torch.zeros(1, 1, pipeline.painter.config["text_width"]), torch.zeros(1, 1)
        if pipeline.text_encoder is None:
            raise WeightsError("mini has no text encoder: pass text_encoder to MiniPipeline.load")
        return pipeline.text_encoder([prompt])


def _read_index(folder: Path) -> dict[str, Any]:
    file = folder / INDEX
    if not file.is_file():
        raise WeightsError(f"there is no pipeline in {folder}: it has no {INDEX}")
    try:
        index = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise WeightsError(f"{file} cannot be read: {error}") from error
    if not isinstance(index, dict):
        raise WeightsError(f"{file} is no index of a pipeline")
    return index
