"""Eq. (2) of the paper on diffusers pipelines: ε(c_v) + ω·[ε(c_t) − ε(c_v)], and its two readings.

Both branches of a stock pipeline get the same pictures, and only the text differs: ε(c_v) + ω·[ε(c_v, c_t) − ε(c_v)].
That is the joint form. For the literal form the control is silenced in the branch that has the text. What a control
network adds to the backbone is then zero there, so the branch is the backbone's own, with text alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch

from common.errors import SettingError
from receiver.generators.base import GuidanceForm


@dataclass(frozen=True)
class Guided:
    """What a pipeline is told. ``scale`` 1 means one branch, that with the prompt; ``literal``: that of text alone."""

    prompt: str
    scale: float
    literal: bool

    @property
    def two_branches(self) -> bool:
        """Whether the pipeline evaluates both (diffusers' own rule)."""
        return self.scale > 1.0


def guided(description: str | None, *, visual: bool, omega: float, form: GuidanceForm) -> Guided:
    """Eq. (2) for what there is: ``description`` None or blank where it is lost, ``visual`` whether there are pictures.

    Without text ε(c_v) alone is left, without pictures guidance against the empty text. Raises SettingError where
    there is neither, and for ω below 1, which pipelines cannot do, but for 0 with pictures: ε(c_v).
    """
    text = (description or "").strip()
    if not text and not visual:
        raise SettingError("there is nothing to generate from: neither a description nor a picture")
    if visual and (not text or omega == 0.0):
        return Guided("", 1.0, literal=False)
    if omega < 1.0:
        raise SettingError(f"this generator takes a guidance scale from 1 on, or 0 with pictures, not {omega:g}")
    return Guided(text, omega, literal=visual and form == "literal")


@contextmanager
def branches_in_turn(module: torch.nn.Module, scale: str, how: Guided) -> Iterator[None]:
    """Within it the literal form holds for a model that is called for each branch in turn, that with text first.

    The keyword ``scale`` of its call is set to zero for that one. Does nothing for the joint form.
    """
    calls = 0

    def silence(_module: torch.nn.Module, args: Any, kwargs: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        nonlocal calls
        calls += 1
        if how.two_branches and calls % 2 == 0:
            return args, kwargs
        return args, {**kwargs, scale: kwargs[scale] * 0}

    if not how.literal:
        yield
        return
    handle = module.register_forward_pre_hook(silence, with_kwargs=True)
    try:
        yield
    finally:
        handle.remove()


@contextmanager
def branches_in_batch(control: torch.nn.Module, how: Guided) -> Iterator[None]:
    """Within it the literal form holds for a control network that gets both branches as one batch, that with text last.

    All it returns, tensors (batch, …) in lists and tuples, is zero for that half. Does nothing for the joint form.
    """

    def silenced(returned: Any) -> Any:
        if isinstance(returned, (list, tuple)):
            return type(returned)(silenced(part) for part in returned)
        first = returned.shape[0] // 2 if how.two_branches else 0
        return torch.cat([returned[:first], torch.zeros_like(returned[first:])])

    if not how.literal:
        yield
        return
    handle = control.register_forward_hook(lambda _module, _inputs, returned: silenced(returned))
    try:
        yield
    finally:
        handle.remove()
