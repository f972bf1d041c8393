"""The registry of metrics, and what is computed of a clip by names from it: values, or why there are none."""

from __future__ import annotations

import ast
import doctest
import io
import json
import re
import tokenize
from collections.abc import Callable, Iterator
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

import gvsc
from common import registry
from common.errors import SettingError, WeightsError
from gvsc.cli import main
from gvsc.evaluation.figures import SheetRow, contact_sheet
from gvsc.evaluation.metrics import METRICS, base, measure, scores
from gvsc.evaluation.metrics.base import Metrics
from gvsc.evaluation.metrics.psnr import psnr

CLIP = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3), np.uint8)
GOOD: dict[str, Any] = {"of": "clip", "better": "higher"}


@pytest.fixture
def metrics(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Adds a metric for one test: its name, its function, its traits."""
    METRICS.names()  # all are found
    before = dict(METRICS._entries)

    def add(name: str, function: Callable[[Any, Any], float], **traits: Any) -> None:
        METRICS.register(name, f"what {name} is", **{**GOOD, **traits})(function)

    yield add
    METRICS._entries.clear()
    METRICS._entries.update(before)


def test_the_tree_s_metrics_and_their_traits() -> None:
    assert set(METRICS.names()) == {"psnr", "ssim", "edge_f1", "deepfeat"}
    assert METRICS["psnr"] is psnr
    assert [metric.name for metric in METRICS.metrics("clip")] == ["psnr", "ssim", "deepfeat"]
    assert [metric.name for metric in METRICS.metrics("sketch")] == ["edge_f1"]
    assert METRICS.metrics("text") == ()
    assert [metric.name for metric in METRICS.metrics() if metric.headline] == ["psnr", "ssim"]
    assert [METRICS.metric(name).better for name in ("psnr", "deepfeat")] == ["higher", "lower"]
    assert METRICS.metric("psnr").axis == "PSNR in dB"
    assert METRICS.metric("deepfeat").axis == "deep-feature distance (less is better)"
    assert (
        METRICS.metric("psnr").text(19.444),
        METRICS.metric("ssim").text(0.5),
        METRICS.metric("ssim").text(None),
    ) == (*("19.44 dB", "0.500", "-"),)
    assert METRICS.entry("deepfeat").needs


def test_the_headline_metrics_are_the_default() -> None:
    found = measure(CLIP, CLIP)
    assert found == {"psnr": 100.0, "ssim": pytest.approx(1.0)}
    assert found.facts() == {"metrics": {"psnr": 100.0, "ssim": found["ssim"]}, "metrics_missing": {}}
    assert found.texts() == ["PSNR 100.00 dB", "SSIM 1.000"]
    assert list(measure(CLIP, CLIP, ["ssim", "psnr", "ssim"])) == ["ssim", "psnr"]


@pytest.mark.parametrize("name", ["lpips-vgg", "clips", "../psnr", "__init__", "base", ""])
def test_unknown_names_are_refused(name: str) -> None:
    with pytest.raises(SettingError, match=r"no metric is called .*; there are: .*psnr"):
        measure(CLIP, CLIP, [name])
    with pytest.raises(SettingError, match="no metric is called"):
        METRICS.metric(name)


def test_a_metric_of_sketches_measures_no_clip() -> None:
    with pytest.raises(SettingError, match="edge_f1 compares a sketch, not clips; of those there are: psnr, ssim"):
        measure(CLIP, CLIP, ["edge_f1"])


def test_clips_that_cannot_be_compared_are_refused() -> None:
    for bad in (CLIP[:1], CLIP.astype(np.float32), CLIP[0], None):
        with pytest.raises(SettingError, match="a metric compares"):
            measure(CLIP, bad)  # type: ignore[arg-type]


def test_the_example_in_the_docstring() -> None:
    assert doctest.testmod(scores).failed == 0
    assert doctest.testmod(scores).attempted == 2


def raises(error: Exception) -> Callable[[Any, Any], float]:
    def fail(source: Any, video: Any) -> float:
        raise error

    return fail


@pytest.mark.parametrize(
    ("function", "why"),
    [
        (raises(WeightsError("the network is not here: fetch it")), "the network is not here: fetch it"),
        (raises(ZeroDivisionError("by zero")), "ZeroDivisionError: by zero"),
        (raises(RuntimeError("x" * 5000)), "RuntimeError: " + "x" * 286),
        (lambda source, video: float("nan"), "it gave nan"),
        (lambda source, video: -np.inf, "it gave -inf"),
        (lambda source, video: "much", "ValueError: could not convert string to float: 'much'"),
        (lambda source, video: None, "TypeError: "),
    ],
)
def test_a_metric_without_a_value_says_why_and_is_null(
    metrics: Callable[..., None], function: Callable[[Any, Any], float], why: str
) -> None:
    metrics("broken", function, label="Broken")
    found = measure(CLIP, CLIP, ["broken", "psnr"])
    assert dict(found) == {"psnr": 100.0}
    assert found.missing["broken"].startswith(why)
    told = json.loads(json.dumps(found.facts(), allow_nan=False))
    assert told["metrics"] == {"psnr": 100.0, "broken": None}
    assert told["metrics_missing"] == dict(found.missing)
    with pytest.raises(SettingError, match="broken was not computed: "):
        found["broken"]
    assert found.texts()[1].startswith(f"Broken not computed ({why}")


def test_a_metric_too_small_for_its_window_leaves_the_others() -> None:
    small = np.zeros((1, 8, 8, 3), np.uint8)
    found = measure(small, small)
    assert dict(found) == {"psnr": 100.0}
    assert "at least 11×11" in found.missing["ssim"]


@pytest.mark.parametrize(
    "traits",
    [
        {"of": "sound"},
        {"of": None},
        {"better": "both"},
        {"digits": 40},
        {"digits": "two"},
        {"unit": 5},
        {"label": 5},
        {"colour": "red"},
    ],
)
def test_traits_that_make_no_sense_are_refused(metrics: Callable[..., None], traits: dict[str, Any]) -> None:
    with pytest.raises(SettingError, match="the metric 'odd': "):
        metrics("odd", lambda a, b: 0.0, **traits)
    assert "odd" not in METRICS
    with pytest.raises(SettingError, match=r"the metric 'odd': .*required"):
        METRICS.register("odd", "no traits")(lambda a, b: 0.0)


def test_a_plug_in_s_metric_is_found_and_a_broken_one_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "gvsc_metric_here.py").write_text(
        "from gvsc.evaluation.metrics import base\n"
        "@base.METRICS.register('distance', 'mean distance', of='clip', better='lower', digits=1)\n"
        "def distance(source, received):\n    return abs(source.astype(float) - received).mean()\n"
    )
    (tmp_path / "gvsc_metric_odd.py").write_text(
        "from gvsc.evaluation.metrics import base\n"
        "base.METRICS.register('odd', 'odd', of='smell', better='lower')(max)\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    points = [EntryPoint(name, f"gvsc_metric_{name}", "gvsc.metrics") for name in ("here", "odd")]
    monkeypatch.setattr(registry, "entry_points", lambda group: points if group == "gvsc.metrics" else [])
    found = Metrics("metric", "gvsc.evaluation.figures", "gvsc.metrics")  # a package without metrics: plug-ins alone
    monkeypatch.setattr(base, "METRICS", found)
    assert found.names() == ("distance",)
    assert found.metric("distance").text(3) == "3.0"
    assert [(broken.name, "of is 'clip' or 'sketch' or 'text'" in broken.reason) for broken in found.broken] == [
        ("odd", True)
    ]


def test_tables_sheets_and_options_take_a_new_metric_from_the_registry(metrics: Callable[..., None]) -> None:
    metrics("distance", lambda a, b: 2.25, unit="px", label="a long name of it", digits=1)
    assert scores.rows({"metrics": {"distance": 2.25, "psnr": None}, "metrics_missing": {"psnr": "why"}}) == [
        ("a long name of it", "2.2 px"),
        ("PSNR", "not computed (why)"),
    ]
    plain = contact_sheet([SheetRow("a", CLIP)])
    drawn = contact_sheet([SheetRow("a", CLIP, metrics={"distance": 2.25, "psnr": None})])
    assert np.any(np.asarray(drawn) != np.asarray(plain))
    for command in ("simulate", "demo"):
        done = CliRunner().invoke(main, [command, "--help"])
        assert done.exit_code == 0
        assert "[psnr|ssim|deepfeat|distance]" in done.output


@pytest.mark.parametrize("name", ["colour", "edge_f1"])
def test_an_option_that_names_no_metric_of_clips_is_wrong_usage(tmp_path: Path, name: str) -> None:
    done = CliRunner().invoke(main, ["simulate", "x.mp4", "--out", str(tmp_path), "--metric", name])
    assert done.exit_code == 2
    assert f"'{name}' is not one of 'psnr', " in done.output


def code_words(file: Path) -> set[str]:
    """Names and words in strings of a file's code; comments and docstrings do not count."""
    source = file.read_text(encoding="utf-8")
    docs = {
        node.value.lineno
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    words: set[str] = set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type != tokenize.COMMENT and token.start[0] not in docs:
            words |= set(re.findall(r"\w+", token.string.lower()))
    return words


def test_no_metric_is_named_outside_its_own_file() -> None:
    """A new metric must need no other file. Benches and training measure one thing by name, and may."""
    root = Path(gvsc.__file__).parent
    metrics_folder = root / "evaluation" / "metrics"
    found = {}
    for file in sorted(root.rglob("*.py")):
        if file.is_relative_to(root / "bench") or file.is_relative_to(root / "training"):
            continue
        own = {file.stem} if file.parent == metrics_folder else set()
        if named := code_words(file) & set(METRICS.names()) - own:
            found[str(file.relative_to(root))] = named
    assert found == {}
