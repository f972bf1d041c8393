"""Metrics by name, one to a file. :mod:`base` has the contract, :mod:`scores` computes those that are chosen.

Adding one is adding its file: names, units and choices of options come from the registry.
"""

from __future__ import annotations

from gvsc.evaluation.metrics.base import METRICS, Metric
from gvsc.evaluation.metrics.scores import Scores, measure

__all__ = ["METRICS", "Metric", "Scores", "measure"]
