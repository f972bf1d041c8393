"""Burst erasure: now and then a burst does not arrive at all, only noise does. All others see white noise alone."""

from __future__ import annotations

from channel.models.base import MODELS, State
from channel.models.flat import FlatFading
from common.knobs import Knob

ERASURE_RATE = Knob(
    "erasure_rate",
    "probability that a burst is lost: noise alone arrives in its place",
    low=0.0,
    high=1.0,
)


@MODELS.register("erasure", "white Gaussian noise, and bursts that are lost whole")
class Erasure(FlatFading):
    """The burst still reaches the receiver as samples, so the wire's credit and order are untouched: an outage on the
    air is no loss of a message."""

    knobs = ((ERASURE_RATE, 0.1),)

    def gain(self, state: State, begin: int, count: int) -> float:
        """0 for a lost burst, else 1. A burst that is lost at one rate is lost at each higher one."""
        return 0.0 if state.draws.uniform("erasure", state.sequence) < state.number(ERASURE_RATE) else 1.0
