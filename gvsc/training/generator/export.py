"""Trained weights as the folder that `mini` is loaded from."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Final

import torch
from torch import Tensor, nn

from gvsc.training.generator import tones
from gvsc.training.generator.axes import CHANNELS, PATCH
from gvsc.training.generator.plan import MiniRecipe
from receiver.generators.mini import outline
from receiver.generators.mini.latent import PatchLatent
from receiver.generators.mini.layout import Layout
from receiver.generators.mini.mover import Mover
from receiver.generators.mini.painter import Painter
from receiver.generators.mini.pipeline import MiniPipeline

LARGEST_SHARD_BYTES: Final = 16_000_000


def export(
    recipe: MiniRecipe, trained: Mapping[str, Mapping[str, Tensor]], folder: Path, text_width: int = 384
) -> None:
    """Writes the pipeline, in half precision, as ``common/weights/mini`` is laid out; replaces what was in ``folder``.

    ``trained`` are the state dicts of the parts by name.
    """
    painter = Painter(CHANNELS, outline.CHANNELS, PATCH, text_width=text_width, **asdict(recipe.painter.network))
    mover = Mover(text_width=text_width, **asdict(recipe.mover.network))
    decoder = PatchLatent(CHANNELS, PATCH, **asdict(recipe.decoder.network))
    layout = Layout(tones=tones.COUNT, text_width=text_width, **asdict(recipe.layout.network))
    networks: dict[str, nn.Module] = {"painter": painter, "mover": mover, "decoder": decoder, "layout": layout}
    for name, network in networks.items():
        network.load_state_dict({key: tensor.float() for key, tensor in trained[name].items()})
        network.to(torch.float16)
    pipeline = MiniPipeline(decoder, painter, mover, layout)

    partial = folder.with_name(f".partial-{folder.name}")
    shutil.rmtree(partial, ignore_errors=True)
    pipeline.save(partial, LARGEST_SHARD_BYTES)
    shutil.rmtree(folder, ignore_errors=True)
    partial.replace(folder)
