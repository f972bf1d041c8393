"""The card of a run: how its weights were made, on what, where, and how good they are. Written beside the weights."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch

from common.weights.manifest import digest_of
from common.weights.update import with_files
from gvsc.training.codec import FIGURES_SNRS_DB
from gvsc.training.engine import clock
from gvsc.training.recipe import Recipe
from gvsc.training.run import Run


@dataclass(frozen=True)
class Facts:
    """What a card tells. ``data`` is Markdown: what was trained on, its licences, the SHA-256 of the prepared file."""

    name: str
    command: str
    recipe: Recipe
    seed: int
    data: str
    figures: Mapping[str, list[float]]
    held_out: int


def text(facts: Facts, run: Run, weights: Path) -> str:
    """The card of ``weights``, in Markdown."""
    parameters = sum(parameter.numel() for parameter in run.model.parameters())
    snrs = " | ".join(f"{snr_db:g}".replace("-", "−") for snr_db in FIGURES_SNRS_DB)
    rows = [f"| {what} | {' | '.join(f'{value:g}' for value in values)} |" for what, values in facts.figures.items()]
    average = f"their moving average ({run.averaging:g})" if run.averaging else "the last ones"
    card = f"""# {facts.name}

{facts.recipe.about} {parameters / 1e6:.2f} million trained parameters, half precision.

## Recipe

```
{facts.command}
```

- {run.step} steps of Adam in {clock(run.seconds)} (h:mm:ss) of running time. Seed {facts.seed}.
- The exported weights are {average}.
- Machine: {run.notes.get("machines", "unknown")}.

```toml
{facts.recipe.text().rstrip()}
```

## Data

{facts.data.rstrip()}

## Figures

Mean over {facts.held_out} held-out pictures of 256×256, AWGN, both ends know the SNR, in float32.

| SNR (dB) | {snrs} |
|---|{"---|" * len(FIGURES_SNRS_DB)}
{chr(10).join(rows)}
"""
    return with_files(card, {weights.name: digest_of(weights)})


def machine(device: torch.device) -> str:
    """The machine in words: accelerator or processor, threads, version of torch."""
    if device.type == "cuda":
        where = f"{torch.cuda.get_device_name(device)}, {os.cpu_count()} CPU cores"
    else:
        where = f"{_processor()}, {torch.get_num_threads()} of {os.cpu_count()} cores"
    return f"{where}, torch {torch.__version__}"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    named = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.processor() or platform.machine()
