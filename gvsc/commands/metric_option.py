"""The option that chooses metrics of clips, by the names of the registry."""

from __future__ import annotations

from typing import Any

import click

from common.errors import SettingError


class MetricName(click.ParamType):
    """The name of a metric of clips. Metrics are looked up when a name is given or listed, not on import."""

    name = "metric"

    def get_metavar(self, param: click.Parameter, ctx: click.Context | None = None) -> str:
        from gvsc.evaluation.metrics import METRICS

        return f"[{'|'.join(metric.name for metric in METRICS.metrics('clip'))}]"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        from gvsc.evaluation.metrics.scores import check_names

        try:
            return check_names([str(value)])[0]
        except SettingError as error:
            self.fail(str(error), param, ctx)


metric_option = click.option(
    "--metric",
    "metrics",
    type=MetricName(),
    multiple=True,
    help="Measure this of the reconstruction; may be given more than once. Default: the headline metrics"
    " (`gvsc models` lists all).",
)
