"""Trains `mini`, or one part of it, from one prepared file: ``gvsc train mini``, ``gvsc train mini-painter``.

A run's folder has one folder for each part with the checkpoint, event files and at the end the part's weights; what
one part's command leaves is taken up by that of the whole.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Final

import torch
from torch import Tensor, nn

from common.weights.manifest import digest_of
from gvsc.training import card as codec_card
from gvsc.training import engine
from gvsc.training.generator import card, pool, start
from gvsc.training.generator.decoder import DecoderTask
from gvsc.training.generator.export import export
from gvsc.training.generator.held_out import kept_back
from gvsc.training.generator.layout import LayoutTask
from gvsc.training.generator.mover import MoverTask
from gvsc.training.generator.painter import PainterTask
from gvsc.training.generator.plan import PARTS, MiniRecipe
from gvsc.training.generator.pool import Pool
from gvsc.training.recipe import Length, find
from gvsc.training.run import Run, held
from gvsc.training.run import export as export_tensors

NAME: Final = "mini"

_TASKS: Final = {
    "painter": PainterTask,
    "mover": MoverTask,
    "decoder": DecoderTask,
    "layout": LayoutTask,
}
_TOLD_EVERY: Final = 100


def train(
    name: str,
    given: argparse.Namespace,
    length: Length | None,
    device: torch.device,
    command: str,
    tell: Callable[[str], None],
) -> Path:
    """Trains ``mini``, or a part, ``mini-PART``, alone for the whole length. Returns the folder or file of the weights.

    Raises GvscError. Its caller minds signals, and has checked what is ``given``.
    """
    recipe_name, text = find(NAME, given.recipe)
    recipe = MiniRecipe.parse(text, given.set, recipe_name).lasting(length)
    alone = name != NAME
    parts = (name.removeprefix(f"{NAME}-"),) if alone else PARTS
    top: Path = given.run or Path("runs") / NAME
    with held(top):
        data = pool.load(given.data, _every(tell))
        settings = engine.Options(given.seed, device, tell, codec_card.machine(device), data.digest)
        start.check(recipe.start, data)
        trained = [_train_part(part, recipe, alone, top / part, data, settings) for part in parts]
        facts = card.Facts(
            name=name,
            command=command,
            recipe=recipe,
            seed=given.seed,
            data=f"{data.about.rstrip()}\n\nThe prepared file has SHA-256 `{data.digest}`.",
            held_out=kept_back(len(data["world.texts"])),
        )
        for one in trained:
            weights = top / one.part / f"{NAME}-{one.part}.safetensors"
            about = card.text(facts, [one], {weights.name: digest_of(weights)})
            weights.with_suffix(".md").write_text(about, encoding="utf-8")
        if alone:
            return weights
        return _whole(recipe, trained, facts, top, data, tell)


def _train_part(
    part: str, recipe: MiniRecipe, alone: bool, folder: Path, data: Pool, settings: engine.Options
) -> card.Trained:
    with held(folder):
        task = _TASKS[part](getattr(recipe, part), settings.device, data)
        begun = replace(settings, start=start.tensors(recipe.start, part))
        run = engine.train(task, recipe.part(part, alone=alone), folder, begun)
        export_tensors(run.averaged, folder / f"{task.name}.safetensors", {"steps": str(run.step)})
        return card.Trained(part, run, task.watch(_as_exported(run)))


def _as_exported(run: Run) -> nn.Module:
    """The moving average, rounded as it is written."""
    model = run.averaged_model()
    model.load_state_dict({name: tensor.half().float() for name, tensor in run.averaged.items()})
    return model


def _whole(
    recipe: MiniRecipe,
    trained: list[card.Trained],
    facts: card.Facts,
    top: Path,
    data: Pool,
    tell: Callable[[str], None],
) -> Path:
    """The pipeline of all parts, and its card."""
    folder = top / NAME
    tensors: dict[str, dict[str, Tensor]] = {one.part: one.run.averaged for one in trained}
    export(recipe, {part: _on_cpu(state) for part, state in tensors.items()}, folder, len(data.words.step))
    files = {
        file.relative_to(folder).as_posix(): digest_of(file) for file in sorted(folder.rglob("*")) if file.is_file()
    }
    written = top / f"{NAME}.md"
    written.write_text(card.text(facts, trained, files), encoding="utf-8")
    tell(f"wrote {folder} and {written}")
    return folder


def _on_cpu(state: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor.cpu() for name, tensor in state.items()}


def _every(tell: Callable[[str], None]) -> Callable[[str, int, int], None]:
    """Tells of progress now and then."""

    def advance(what: str, done: int, total: int) -> None:
        if done % _TOLD_EVERY == 0 or done == total:
            tell(f"{what}: {done} of {total}")

    return advance
