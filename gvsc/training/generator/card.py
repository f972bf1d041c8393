"""The card of trained parts of `mini`: how they were made, on what and where, and how good they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from common.weights.manifest import Digest
from common.weights.update import with_files
from gvsc.training.engine import clock
from gvsc.training.generator.plan import MiniRecipe
from gvsc.training.run import Run


@dataclass(frozen=True)
class Trained:
    """A part: its run, and its held-out figures."""

    part: str
    run: Run
    figures: Mapping[str, float]


@dataclass(frozen=True)
class Facts:
    """What a card tells. ``data`` is Markdown."""

    name: str
    command: str
    recipe: MiniRecipe
    seed: int
    data: str
    held_out: int
    """Rendered clips that the figures are of."""


def text(facts: Facts, parts: Sequence[Trained], files: Mapping[str, Digest]) -> str:
    """The card, in Markdown."""
    runs = "\n".join(
        f"- {one.part}: {sum(p.numel() for p in one.run.model.parameters()) / 1e6:.2f} million trained parameters, "
        f"{one.run.step} steps of AdamW in {clock(one.run.seconds)} (h:mm:ss) of running time; exported is their "
        f"moving average ({one.run.averaging:g}). Machine: {one.run.notes.get('machines', 'unknown')}."
        for one in parts
    )
    rows = "\n".join(f"| {one.part} | {what} | {value:.4g} |" for one in parts for what, value in one.figures.items())
    card = f"""# {facts.name}

{facts.recipe.about} Half precision.

## Recipe

```
{facts.command}
```

{runs}
- Seed {facts.seed}.

```toml
{facts.recipe.text().rstrip()}
```

## Data

{facts.data.rstrip()}

## Figures

Of {facts.held_out} rendered clips whose scenes were not trained on, by the exported weights.

| part | figure | |
|---|---|---|
{rows}
"""
    return with_files(card, files)
