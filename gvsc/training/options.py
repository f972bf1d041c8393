"""The options of training, for both faces of the command; without torch, so that a list of them comes at once."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from common.conventions import DEFAULT_SEED

NAMES: Final = {
    "djscc-frame": "the first-frame codec",
    "djscc-frame-2": "the first-frame codec of the second generation",
    "djscc-rgb": "the frame-by-frame codec",
    "djscc-sketch": "the sketch codec",
}
"""Codecs that can be trained so, and what each is."""

MINI_NAMES: Final = {
    "mini": "the generator, all its parts one after the other",
    "mini-painter": "the generator's painter of frames",
    "mini-mover": "the generator's mover of frames",
    "mini-decoder": "the generator's decoder of latents",
    "mini-layout": "the generator's layout of what a text names",
}
"""The generator and its parts."""

PREPARED, PREPARED_MINI = Path("data/prepared.safetensors"), Path("data/prepared-mini.safetensors")
"""What is trained on by default: codecs, and `mini`."""


@dataclass(frozen=True)
class Option:
    """An option of the command, for both of its faces."""

    flag: str
    kind: type
    default: Any
    metavar: str
    help: str
    many: bool = False

    @property
    def name(self) -> str:
        """The parameter of ``run`` that it sets."""
        return self.flag.removeprefix("--")

    @property
    def is_path(self) -> bool:
        """Whether it takes the name of a file or folder."""
        return self.kind is Path


OPTIONS: Final = (
    Option(
        "--recipe",
        str,
        "default",
        "NAME|FILE",
        "How to train: default, of codecs paper, of djscc-frame fine, or a TOML file.",
    ),
    Option(
        "--set", str, (), "KEY=VALUE", "Replaces something in the recipe, as in loss.k=0.7. Give it repeatedly.", True
    ),
    Option("--device", str, "cpu", "cpu|cuda", "Where to train."),
    Option("--hours", float, None, "H", "Running time, all starts together, instead of the recipe's length."),
    Option("--steps", int, None, "N", "Steps, all starts together, instead of the recipe's length."),
    Option(
        "--run",
        Path,
        None,
        "DIR",
        "Folder of the run; goes on if there is one. Default: runs/NAME, and runs/mini for its parts.",
    ),
    Option(
        "--data",
        Path,
        None,
        "FILE",
        "What gvsc train prepare made, or its folder; of djscc-frame-2 also a folder of photos and clips, or several of"
        " these, joined by colons; of mini: what prepare-mini made.",
    ),
    Option("--threads", int, None, "N", "CPU threads, 1 to 1024. Default: torch's own choice."),
    Option("--seed", int, DEFAULT_SEED, "N", "Seed of everything that is drawn, 0 or more."),
)
