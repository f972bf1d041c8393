"""What can be said about a generator beside its name: where its weights are, where it runs, how eq. (2) is read."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, get_args

from common.errors import SettingError
from receiver.generators.base import GuidanceForm

Precision = Literal["auto", "float32", "bfloat16", "float16"]
"""Of the weights. "auto": bfloat16 on a GPU that has it, else float16; on a CPU float32 where memory allows it."""

Offload = Literal["auto", "none", "model", "sequential"]
"""What stays in main memory. "none": nothing; "model": each model until it is its turn; "sequential": each layer.
"auto": the first of these that fits into the free memory (`receiver.generators.large.memory`)."""


@dataclass(frozen=True)
class GeneratorOptions:
    """Settings of a generator. The defaults suit every generator; which of them one reads, its entry in the
    registry says.

    ``model`` are places of weights: PLACE, or PART=PLACE for one part of several (`receiver.generators.large.sources`),
    each a folder or an id on the hub. ``device`` is "auto", "cpu", "cuda" or "cuda:N". ``side`` is the side in pixels
    of the square as large as the pictures that the model works on, before they are resized; None: what it was trained
    for. ``chain`` names the generator that goes on where another one makes the first frame alone, None the default one.
    Raises SettingError.
    """

    model: tuple[str, ...] = ()
    device: str = "auto"
    precision: Precision = "auto"
    offload: Offload = "auto"
    side: int | None = None
    chain: str | None = None
    guidance_form: GuidanceForm = "joint"

    def __post_init__(self) -> None:
        if not re.fullmatch(r"auto|cpu|cuda(:\d{1,3})?", self.device):
            raise SettingError(f"a device is auto, cpu, cuda or cuda:N, not {self.device!r}")
        for name, value, allowed in (
            ("precision", self.precision, get_args(Precision)),
            ("offload", self.offload, get_args(Offload)),
            ("guidance form", self.guidance_form, get_args(GuidanceForm)),
        ):
            if value not in allowed:
                raise SettingError(f"the {name} is one of {', '.join(allowed)}, not {value!r}")
        if self.side is not None and not 32 <= self.side <= 1536:
            raise SettingError(f"the working side is 32 to 1536 pixels, not {self.side}")
        if self.device == "cpu" and self.offload in ("model", "sequential"):
            raise SettingError("there is nothing to offload from on a CPU: leave --offload or --device away")
