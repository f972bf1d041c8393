"""The option that chooses metrics of clips, by the names of the registry."""

from __future__ import annotations

from typing import Any

import click

from common.choices import Registered
from common.registry import Registry


def _registry() -> Registry[Any]:
    from gvsc.evaluation.metrics import METRICS  # not before a metric is named or listed

    return METRICS


def _names() -> list[str]:
    from gvsc.evaluation.metrics import METRICS

    return [metric.name for metric in METRICS.metrics("clip")]


metric_option = click.option(
    "--metric",
    "metrics",
    type=Registered(_registry, names=_names),
    multiple=True,
    help="Measure this of the reconstruction; may be given more than once. Default: the headline metrics"
    " (`gvsc models` lists all).",
)
