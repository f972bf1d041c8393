"""The training loop: steps, checkpoints, held-out figures, progress. What is trained is a ``Task``.

Everything drawn for a step comes from (seed, step) alone, so that a run that was killed goes on as if it had not been:
with a length in steps it ends with the same weights, bit for bit on the same machine and number of threads.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, Protocol, Self, TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from common.errors import GvscError
from gvsc.training.recipe import Length, Optimiser, Stage
from gvsc.training.run import Run, begin_with, stored_model
from gvsc.training.tfevents import EventWriter

PROGRESS_SECONDS = 15.0
CHECKPOINT_SECONDS = 240.0
AHEAD = 4
"""Threads that draw batches for an accelerator; a processor draws its own, having no time to spare."""


class TrainingError(GvscError):
    """Training went wrong."""


class Batch(Protocol):
    """What a step is made of."""

    def to(self, device: torch.device) -> Self:
        """The same on another device."""


B = TypeVar("B", bound=Batch)


class Task(Protocol[B]):
    """Something that is trained: it knows its data and its loss, and nothing of steps and files."""

    @property
    def name(self) -> str:
        """What it is called in what is told."""

    def model(self, stored: Mapping[str, Tensor] | None) -> nn.Module:
        """What training starts from; random weights are drawn from torch's generator, which is seeded before.

        Where a run goes on, a model for these tensors.
        """

    def draw(self, stage: Stage, rng: np.random.Generator) -> B:
        """A batch. Called from several threads at once."""

    def loss(self, model: nn.Module, batch: B) -> Tensor:
        """What is minimised, a scalar."""

    def watch(self, model: nn.Module) -> dict[str, float]:
        """A few held-out figures, to be looked at while it trains."""


class Plan(Protocol):
    """How long and in which steps something is trained: a ``Recipe``, or a part of one."""

    @property
    def length(self) -> Length:
        """In hours or steps."""

    @property
    def optimiser(self) -> Optimiser:
        """Rates, and the moving average."""

    @property
    def weight_decay(self) -> float:
        """0: none."""

    def stage(self, progress: float) -> Stage:
        """What a step at this share of the length is made of."""

    def without_length(self) -> str:
        """What a run may not change half-way."""


@dataclass(frozen=True)
class Options:
    """What does not belong into a recipe."""

    seed: int
    device: torch.device
    tell: Callable[[str], None]
    machine: str
    """Where this is, in words; the checkpoint keeps all machines of a run."""
    data: str = ""
    """What tells the data from other data: a run does not go on with others."""
    checkpoint_seconds: float = CHECKPOINT_SECONDS
    start: Mapping[str, Tensor] = field(default_factory=dict)
    """Weights that a run begins with, as far as they fit."""


def train(task: Task[B], recipe: Plan, folder: Path, options: Options) -> Run:
    """Trains to the recipe's length, from the checkpoint in ``folder`` if there is one.

    Raises TrainingError where the loss is no number, RunError for a checkpoint of another recipe, seed or data.
    KeyboardInterrupt leaves a checkpoint behind.
    """
    torch.manual_seed(options.seed)
    stored = stored_model(folder)
    model = task.model(stored)
    if stored is None:
        begin_with(model, options.start)
    model = model.to(options.device)
    same = {"name": task.name, "recipe": recipe.without_length(), "seed": str(options.seed), "data": options.data}
    optimiser = recipe.optimiser
    run = Run(
        model,
        folder,
        betas=optimiser.betas,
        averaging=optimiser.averaging,
        weight_decay=recipe.weight_decay,
        same=same,
    )
    length = recipe.length
    if run.file.exists():
        run.restore()
        options.tell(f"{task.name}: goes on from step {run.step}, {clock(run.seconds)}")
    else:
        options.tell(f"{task.name}: before training: {_line(task.watch(run.averaged_model()))}")
    if length.progress(run.step, run.seconds) >= 1.0:
        return run
    known = filter(None, run.notes.get("machines", "").split("; "))
    run.notes["machines"] = "; ".join(dict.fromkeys([*known, options.machine]))
    loop = _Loop(task, recipe, run, options)
    with EventWriter(folder, run.step) as events:
        try:
            loop.go(events)
        except KeyboardInterrupt:
            run.save()
            options.tell(f"{task.name}: stopped at step {run.step}; the same command goes on")
            raise
    return run


class _Loop(Generic[B]):
    """Steps until the length is reached."""

    def __init__(self, task: Task[B], recipe: Plan, run: Run, options: Options) -> None:
        self.task, self.recipe, self.run, self.options = task, recipe, run, options
        self.saved, self.told, self.told_step = run.seconds, run.seconds, run.step
        self.losses: list[Tensor] = []

    def progress(self, step: int) -> float:
        return self.recipe.length.progress(step, self.run.seconds)

    def batch(self, step: int) -> B:
        """The batch of a step. Steps drawn ahead take the clock for what it is now."""
        rng = np.random.default_rng([self.options.seed, step])
        return self.task.draw(self.recipe.stage(self.progress(step)), rng)

    def go(self, events: EventWriter) -> None:
        run, recipe, device = self.run, self.recipe, self.options.device
        with _Batches(self.batch, run.step, AHEAD if device.type != "cpu" else 0) as batches:
            while self.progress(run.step) < 1.0:
                began = time.monotonic()
                rate = recipe.optimiser.rate(self.progress(run.step), run.step)
                batch = batches.next().to(device)
                with recipe.optimiser.autocast(device):
                    loss = self.task.loss(run.model, batch)
                run.advance(loss, rate, recipe.optimiser.clip_norm)
                self.losses.append(loss.detach())
                run.seconds += time.monotonic() - began
                done = self.progress(run.step) >= 1.0
                due = done or run.seconds - self.saved >= self.options.checkpoint_seconds
                if due or run.seconds - self.told >= PROGRESS_SECONDS:
                    self.tell(events, rate)
                if due:
                    self.checkpoint(events)

    def tell(self, events: EventWriter, rate: float) -> None:
        """The progress line, and the same for TensorBoard."""
        run = self.run
        loss = float(torch.stack(self.losses).mean())
        if not math.isfinite(loss):
            raise TrainingError(
                f"the loss at step {run.step} is not a number; train with a lower peak_rate (the last checkpoint stays)"
            )
        speed = (run.step - self.told_step) / max(run.seconds - self.told, 1e-9)
        progress = self.progress(run.step)
        steps = self.recipe.length.steps
        left = run.seconds / progress - run.seconds if steps is None else (steps - run.step) / speed
        self.options.tell(
            f"step {run.step}  {100 * min(progress, 1.0):.1f} %  {speed:.2f} steps/s  loss {loss:.5f}  rate {rate:.2e}"
            f"  {clock(run.seconds)}, {clock(max(0.0, left))} to go"
        )
        events.write(run.step, {"train/loss": loss, "train/rate": rate, "train/steps_per_second": speed})
        self.told, self.told_step = run.seconds, run.step
        self.losses.clear()

    def checkpoint(self, events: EventWriter) -> None:
        """The checkpoint, and how good the moving average is on held-out pictures."""
        self.run.save()
        self.saved = self.run.seconds
        found = self.task.watch(self.run.averaged_model())
        self.options.tell(f"step {self.run.step}: {_line(found)}")
        events.write(self.run.step, {f"held_out/{name}": value for name, value in found.items()})


class _Batches(Generic[B]):
    """The batches of steps, in order; drawn ahead by so many threads, or when they are asked for by none."""

    def __init__(self, batch: Callable[[int], B], step: int, threads: int) -> None:
        self._batch, self._step, self._threads = batch, step, threads
        self._pool = ThreadPoolExecutor(max(1, threads))
        self._coming: deque[Future[B]] = deque()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)

    def next(self) -> B:
        while len(self._coming) < 2 * self._threads:
            self._coming.append(self._pool.submit(self._batch, self._step + len(self._coming)))
        self._step += 1
        return self._coming.popleft().result() if self._coming else self._batch(self._step - 1)


def clock(seconds: float) -> str:
    """Seconds as h:mm:ss."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}"


def _line(found: dict[str, float]) -> str:
    return ", ".join(f"{name} {value:.4g}" for name, value in found.items())
