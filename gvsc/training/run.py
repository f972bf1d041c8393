"""A training run in a folder: model, moving average, optimiser, how far it is, and what it may not change."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator, Mapping
from copy import deepcopy
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from common.errors import GvscError

CHECKPOINT = "checkpoint.safetensors"


class RunError(GvscError):
    """A run cannot begin, or cannot go on."""


class Run:
    """A run's state. ``same`` tells by name what must be as it was when the run began (recipe, seed)."""

    def __init__(
        self,
        model: nn.Module,
        folder: Path,
        *,
        betas: tuple[float, float] = (0.9, 0.999),
        averaging: float = 0.0,
        weight_decay: float = 0.0,
        same: Mapping[str, str] | None = None,
    ) -> None:
        """``averaging`` is the decay of the moving average, less while there are few steps; 0: no average.
        ``weight_decay`` (AdamW) is of parameters with more than one axis.
        """
        self.model = model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.file = folder / CHECKPOINT
        self.averaging = averaging
        self.averaged = {name: tensor.detach().clone() for name, tensor in model.state_dict().items()}
        self.optimiser = _adam(model, betas, weight_decay)
        self.step, self.seconds = 0, 0.0
        self.same = dict(same or {})
        self.notes: dict[str, str] = {}
        """What else the checkpoint keeps, such as the machines that the run was on."""

    def advance(self, loss: Tensor, rate: float, clip_norm: float = 0.0) -> None:
        """One step down the gradient of a loss; the gradient is at most ``clip_norm`` long, 0: any."""
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        self.optimiser.zero_grad()
        loss.backward()
        if clip_norm > 0.0:
            torch.nn.utils.clip_grad_norm_(self.model.parameters(), clip_norm)
        self.optimiser.step()
        decay = min(self.averaging, (1 + self.step) / (10 + self.step))
        for name, tensor in self.model.state_dict().items():
            if tensor.is_floating_point():
                self.averaged[name].lerp_(tensor, 1.0 - decay)
        self.step += 1

    def averaged_model(self) -> nn.Module:
        """A model of its own with the moving average as weights."""
        model = deepcopy(self.model)
        model.load_state_dict(self.averaged)
        return model.eval()

    def save(self) -> None:
        """Replaces the checkpoint in one step: a process that is killed leaves the old one or the new one."""
        tensors = {f"model.{name}": tensor for name, tensor in self.model.state_dict().items()}
        tensors |= {f"averaged.{name}": tensor for name, tensor in self.averaged.items()}
        for index, state in self.optimiser.state_dict()["state"].items():
            tensors |= {f"adam.{index}.{name}": value for name, value in state.items()}
        progress = {"step": str(self.step), "seconds": str(self.seconds)}
        partial = self.file.with_suffix(".partial")
        save_file(
            {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()},
            partial,
            self.notes | {f"same.{name}": value for name, value in self.same.items()} | progress,
        )
        with partial.open("rb") as written:
            os.fsync(written.fileno())
        partial.replace(self.file)

    def restore(self) -> None:
        """Goes back to the checkpoint. Raises RunError where it cannot be read, or belongs to another kind of run."""
        tensors, notes = _read(self.file)
        for name, value in self.same.items():
            if notes.pop(f"same.{name}", value) != value:
                raise RunError(f"{self.file.parent} was begun with another {name}; give the same or another --run")
        self.step, self.seconds = int(notes.pop("step")), float(notes.pop("seconds"))
        self.notes = notes
        try:
            self.model.load_state_dict(_under("model", tensors))
        except RuntimeError as error:
            reason = str(error).splitlines()[-1].strip()
            raise RunError(f"{self.file} is of another model ({reason}); give another --run") from None
        for name, tensor in _under("averaged", tensors).items():
            self.averaged[name].copy_(tensor)
        states: dict[int, dict[str, Tensor]] = {}
        for name, tensor in _under("adam", tensors).items():
            index, field = name.split(".", 1)
            states.setdefault(int(index), {})[field] = tensor
        groups = self.optimiser.state_dict()["param_groups"]
        self.optimiser.load_state_dict({"state": states, "param_groups": groups})


def _adam(model: nn.Module, betas: tuple[float, float], weight_decay: float) -> torch.optim.Optimizer:
    """Adam, or AdamW on weights where these decay: norms and offsets do not."""
    if weight_decay == 0.0:
        return torch.optim.Adam(model.parameters(), lr=0.0, betas=betas)
    parameters = list(model.parameters())
    groups = [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": weight_decay},
        {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=0.0, betas=betas)


def begin_with(model: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    """Gives a model what fits of other weights, by name and shape."""
    for name, own in model.state_dict().items():
        if name in tensors and tensors[name].shape == own.shape:
            own.copy_(tensors[name])


def stored_model(folder: Path) -> dict[str, Tensor] | None:
    """The model's tensors in the checkpoint of a run, None where there is none. Raises RunError."""
    file = folder / CHECKPOINT
    return _under("model", _read(file)[0]) if file.exists() else None


def _read(file: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    try:
        with safe_open(file, "pt") as stored:
            # keys() is a method here, not what a mapping has
            return {name: stored.get_tensor(name) for name in stored.keys()}, dict(stored.metadata())  # noqa: SIM118
    except (OSError, SafetensorError) as error:
        raise RunError(f"cannot read {file} ({error}); delete it to begin again") from None


def _under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    start = f"{prefix}."
    return {name.removeprefix(start): tensor for name, tensor in tensors.items() if name.startswith(start)}


def export(tensors: Mapping[str, Tensor], to: Path, notes: Mapping[str, str]) -> None:
    """Writes tensors in half precision, integers as they are, in one step."""
    partial = to.with_suffix(".partial")
    stored = {
        name: (tensor.half() if tensor.is_floating_point() else tensor).detach().cpu().contiguous()
        for name, tensor in tensors.items()
    }
    save_file(stored, partial, dict(notes))
    partial.chmod(0o644)  # safetensors writes files for the owner alone
    partial.replace(to)


@contextlib.contextmanager
def held(folder: Path) -> Iterator[None]:
    """Makes the folder of a run, and holds it. Raises RunError where another process does."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / "lock").open("w")
    except OSError as error:
        raise RunError(f"cannot write to {folder}: {error.strerror}") from None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise RunError(f"another process is training in {folder}; wait for it, or give another --run") from None
        yield
