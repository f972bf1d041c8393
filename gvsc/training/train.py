"""Trains a codec, or the generator `mini`: ``gvsc train NAME``.

On a machine with little but torch: ``python -m gvsc.training.train NAME``.

The run's folder holds the checkpoint, event files for TensorBoard, and at the end NAME.safetensors (half precision) and
NAME.md, its card. The same command goes on where it was stopped or killed.
"""

from __future__ import annotations

import argparse
import contextlib
import logging
import shlex
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import torch
from safetensors.torch import load_file

from common.errors import GvscError, SettingError
from gvsc.training import card, engine
from gvsc.training.codec import CodecTask
from gvsc.training.data import Data
from gvsc.training.data import load as load_data
from gvsc.training.djscc_adaptive import AdaptiveTask
from gvsc.training.djscc_colour import FrameTask, RgbTask
from gvsc.training.djscc_sketch import SketchTask
from gvsc.training.options import MINI_NAMES, NAMES, OPTIONS, PREPARED, PREPARED_MINI
from gvsc.training.recipe import Length, Recipe, find
from gvsc.training.run import export, held

log = logging.getLogger("gvsc.training")

MOST_THREADS: Final = 1024
MOST_SEED: Final = 2**63 - 1
"""Both numpy and torch take it."""


def _colour(kind: type[FrameTask] | type[RgbTask]) -> Callable[[Recipe, torch.device, Data, int], CodecTask]:
    return lambda recipe, device, data, seed: kind(recipe, device, data.crops(), data.held_out_pictures(), seed)


def _sketch(recipe: Recipe, device: torch.device, data: Data, _seed: int) -> CodecTask:
    return SketchTask(recipe, device, data.sketches(), data.held_out_sketches())


def _adaptive(recipe: Recipe, device: torch.device, data: Data, seed: int) -> CodecTask:
    return AdaptiveTask(recipe, device, data.pictures(), data.held_out_pictures(), seed)


_TASKS: Final = {
    "djscc-frame": _colour(FrameTask),
    "djscc-frame-2": _adaptive,
    "djscc-rgb": _colour(RgbTask),
    "djscc-sketch": _sketch,
}


def run(name: str, tell: Callable[[str], None], **options: Any) -> Path:
    """Trains ``name`` with ``OPTIONS`` by name and returns the path of the weights. Raises GvscError.

    KeyboardInterrupt and SIGTERM leave a checkpoint behind.
    """
    given = argparse.Namespace(**({option.name: option.default for option in OPTIONS} | options))
    length = _length(given.hours, given.steps)
    device = _device(given.device)
    seed = _seed(given.seed)
    threads = _threads(given.threads)
    if name in MINI_NAMES:
        return _run_mini(name, given, length, device, threads, tell)
    recipe_name, text = find(name, given.recipe)
    recipe = Recipe.parse(text, given.set, recipe_name).lasting(length)
    if threads is not None:
        torch.set_num_threads(threads)
    folder = given.run or Path("runs") / name
    with held(folder), _interruptible():
        data, digest = load_data(given.data or PREPARED)
        task = _TASKS[name](recipe, device, data, seed)
        recipe = recipe.lasting(recipe.length.counted(task.count, recipe.stages))
        finished = engine.train(task, recipe, folder, engine.Options(seed, device, tell, card.machine(device), digest))
        weights = folder / f"{name}.safetensors"
        export(finished.averaged, weights, {"steps": str(finished.step)})
        tell(f"wrote {weights}; measuring it on held-out pictures for its card")
        facts = card.Facts(
            name=name,
            command=command_of(name, given),
            recipe=recipe,
            seed=seed,
            data=f"{data.about.rstrip()}\n\nThe prepared file has SHA-256 `{digest}`." if digest else data.about,
            figures=task.figures(load_file(weights)),
            held_out=len(task.held_out),
        )
        written = weights.with_suffix(".md")
        written.write_text(card.text(facts, finished, weights), encoding="utf-8")
        tell(f"wrote {written}")
    return weights


def _run_mini(
    name: str,
    given: argparse.Namespace,
    length: Length | None,
    device: torch.device,
    threads: int | None,
    tell: Callable[[str], None],
) -> Path:
    from gvsc.training.generator.train import train as train_mini

    if threads is not None:
        torch.set_num_threads(threads)
    data = given.data or PREPARED_MINI
    with _interruptible():
        return train_mini(
            name,
            argparse.Namespace(**vars(given) | {"data": data}),
            length,
            device,
            command_of(name, given),
            tell,
        )


@contextlib.contextmanager
def _interruptible() -> Iterator[None]:
    """SIGTERM is like Ctrl-C."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def command_of(name: str, given: argparse.Namespace) -> str:
    """The command that the options were given with, as a person would type it."""
    words = ["gvsc", "train", name]
    for option in OPTIONS:
        value = getattr(given, option.name)
        if (tuple(value) if option.many else value) != option.default:
            for one in value if option.many else (value,):
                words += [option.flag, str(one)]
    return shlex.join(words)


def _length(hours: float | None, steps: int | None) -> Length | None:
    if hours is None and steps is None:
        return None
    if hours is not None and steps is not None:
        raise SettingError("give --hours or --steps, not both")
    return Length(hours=hours, steps=steps)


def _device(name: str) -> torch.device:
    try:
        device = torch.device(name)
    except RuntimeError:
        device = torch.device("meta")
    if device.type not in ("cpu", "cuda"):
        raise SettingError(f"--device must be cpu or cuda, not {name!r}")
    if device.type == "cuda" and not torch.cuda.is_available():
        raise SettingError("this machine, or this build of torch, has no CUDA; train with --device cpu")
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        there = ", ".join(f"cuda:{index}" for index in range(torch.cuda.device_count()))
        raise SettingError(f"this machine has no {name}; it has {there}")
    return device


def _threads(count: int | None) -> int | None:
    if count is not None and not 1 <= count <= MOST_THREADS:
        raise SettingError(f"--threads must be within 1 … {MOST_THREADS}, not {count}")
    return count


def _seed(seed: int) -> int:
    if not 0 <= seed <= MOST_SEED:
        raise SettingError(f"--seed must be within 0 … {MOST_SEED}, not {seed}")
    return seed


def main(arguments: Sequence[str] | None = None) -> None:
    """The command on a machine where gvsc is not installed."""
    parser = argparse.ArgumentParser(prog="python -m gvsc.training.train", description="Train a codec or mini.")
    parser.add_argument("name", choices=[*NAMES, *MINI_NAMES])
    for option in OPTIONS:
        parser.add_argument(
            option.flag,
            action="append" if option.many else "store",
            type=option.kind,
            default=list(option.default) if option.many else option.default,
            metavar=option.metavar,
            help=option.help,
        )
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", stream=sys.stderr)
    try:
        run(tell=log.info, **vars(parser.parse_args(arguments)))
    except GvscError as error:
        raise SystemExit(f"error: {error}") from None
    except KeyboardInterrupt:
        raise SystemExit(130) from None


if __name__ == "__main__":
    main()
