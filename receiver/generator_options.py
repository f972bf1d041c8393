"""The command line options of `GeneratorOptions`, for every command that has a receiver in it."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, get_args

import click

from common.choices import Registered
from receiver.generators import GENERATORS, GeneratorOptions
from receiver.generators.base import GuidanceForm
from receiver.generators.large import sources
from receiver.generators.options import Offload, Precision

F = TypeVar("F", bound=Callable[..., Any])

_DEFAULT = GeneratorOptions()


class _ModelOption(click.Option):
    """Its help lists the parts of all generators that there are when it is shown."""

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        self.help = (
            "Where a large generator's weights are: a folder, or an id on the Hugging Face hub; with a PART, one of "
            f"{', '.join(sources.all_parts())}, only that part's. Repeatable; default: what `gvsc models` lists."
        )
        return super().get_help_record(ctx)


_OPTIONS = (
    click.option(
        "--generator-model",
        multiple=True,
        metavar="[PART=]PLACE",
        envvar="GVSC_GENERATOR_MODEL",
        show_envvar=True,
        cls=_ModelOption,
    ),
    click.option(
        "--device",
        default=_DEFAULT.device,
        show_default=True,
        metavar="auto|cpu|cuda[:N]",
        envvar="GVSC_DEVICE",
        show_envvar=True,
        help="Where a large generator runs; auto: on a GPU where there is one.",
    ),
    click.option(
        "--precision",
        type=click.Choice(get_args(Precision)),
        default=_DEFAULT.precision,
        show_default=True,
        help="Of a large generator's weights; auto: bfloat16 on a GPU, float32 on a CPU if memory allows.",
    ),
    click.option(
        "--offload",
        type=click.Choice(get_args(Offload)),
        default=_DEFAULT.offload,
        show_default=True,
        envvar="GVSC_OFFLOAD",
        show_envvar=True,
        help="What of a large generator waits in main memory: none of it, all models but the one at work, all layers "
        "but the one at work; auto: the first that fits into the GPU's free memory.",
    ),
    click.option(
        "--generator-side",
        type=click.IntRange(32, 1536),
        metavar="PIXELS",
        help="Side of the square as large as the pictures that a large generator works on; default: what it was "
        "trained for, at least the clip's.",
    ),
    click.option(
        "--chain",
        type=Registered(GENERATORS, lambda entry: not entry.traits.get("chains", False)),
        envvar="GVSC_CHAIN",
        show_envvar=True,
        help="Who goes on where a generator makes the first frame alone; default: the default generator.",
    ),
    click.option(
        "--guidance-form",
        type=click.Choice(get_args(GuidanceForm)),
        default=_DEFAULT.guidance_form,
        show_default=True,
        help="How eq. (2) is read: joint, both branches see the pictures; literal, the second one the text alone.",
    ),
)


def generator_options(function: F) -> F:
    """Adds the options to a command, whose function gets them as one keyword ``settings``, a `GeneratorOptions`."""

    @wraps(function)
    def gathered(*args: Any, **given: Any) -> Any:
        settings = GeneratorOptions(
            model=given.pop("generator_model"),
            side=given.pop("generator_side"),
            **{name: given.pop(name) for name in ("device", "precision", "offload", "chain", "guidance_form")},
        )
        return function(*args, settings=settings, **given)

    added: Any = gathered
    for option in reversed(_OPTIONS):
        added = option(added)
    result: F = added
    return result
