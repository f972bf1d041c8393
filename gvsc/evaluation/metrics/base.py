"""The metric contract: what every metric is and says of itself, and the registry of all.

A metric is one function in one file of this package, or of a plug-in with an entry point in the group ``gvsc.metrics``:

    @METRICS.register("psnr", "peak signal-to-noise ratio", of="clip", better="higher", unit="dB", digits=2)
    def psnr(source, received): ...

Its traits:

``of``        what it compares, and with that its signature, (sent, received) -> float:
              "clip": two uint8 (F, H, W, 3) of one shape; "sketch": two float32 (H, W) in [0, 1], white on black;
              "text": two str
``better``    "higher" or "lower"
``unit``      of the number, such as "dB"; "" (the default) where it has none
``label``     its name in tables; default: its name
``title``     its name at axes; default: the label
``digits``    behind the point in tables; default 3
``headline``  whether it is measured where nobody chooses; default False

It raises a GvscError where it cannot be computed: what is missing, or what of the input it does not take. Modules of
metrics import nothing heavy; networks are imported and read when they are first used, and stated as ``needs``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Literal, get_args

from common.errors import SettingError
from common.registry import Entry, Registry

Of = Literal["clip", "sketch", "text"]
Better = Literal["higher", "lower"]
Measure = Callable[[Any, Any], float]
"""(sent, received) -> number."""


@dataclass(frozen=True)
class Metric:
    """One metric: its function and its traits, as this module's page states them."""

    name: str
    summary: str
    measure: Measure
    of: Of
    better: Better
    unit: str = ""
    label: str = ""
    title: str = ""
    digits: int = 3
    headline: bool = False

    def text(self, value: float | None) -> str:
        """A value with its unit; a dash for None."""
        return "-" if value is None else f"{value:.{self.digits}f} {self.unit}".rstrip()

    @property
    def axis(self) -> str:
        """What stands at an axis."""
        unit = f" in {self.unit}" if self.unit else ""
        return f"{self.title}{unit}" + (" (less is better)" if self.better == "lower" else "")


class Metrics(Registry[Measure]):
    """The registry of metrics; an entry whose traits are not as above is refused with SettingError."""

    def add(self, entry: Entry[Measure]) -> None:
        _metric(entry)
        super().add(entry)

    def metric(self, name: str) -> Metric:
        """The metric of that name. Raises SettingError, listing those there are."""
        return _metric(self.entry(name))

    def metrics(self, of: Of | None = None) -> tuple[Metric, ...]:
        """All that compare ``of`` (None: all), the headline ones first."""
        found = [metric for entry in self.entries() if of in (None, (metric := _metric(entry)).of)]
        return tuple(sorted(found, key=lambda metric: not metric.headline))


METRICS: Final = Metrics("metric", "gvsc.evaluation.metrics", "gvsc.metrics")


def _metric(entry: Entry[Measure]) -> Metric:
    traits = dict(entry.traits)
    label = traits.get("label") or entry.name
    told = {"label": label, "title": label, **{key: value for key, value in traits.items() if value != ""}}
    try:
        made = Metric(entry.name, entry.summary, entry.item, **told)
    except TypeError as error:
        raise SettingError(f"the metric {entry.name!r}: {str(error).replace('Metric.__init__()', 'it')}") from None
    for trait, kind in (("of", Of), ("better", Better)):
        if getattr(made, trait) not in get_args(kind):
            words = " or ".join(map(repr, get_args(kind)))
            raise SettingError(f"the metric {entry.name!r}: {trait} is {words}, not {getattr(made, trait)!r}")
    words_given = all(isinstance(words, str) for words in (made.unit, made.label, made.title))
    if not words_given or not isinstance(made.digits, int) or not 0 <= made.digits <= 9 or not callable(made.measure):
        raise SettingError(f"the metric {entry.name!r}: a function, names in words and 0 to 9 digits are due")
    return made
