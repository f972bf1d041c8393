"""The registry of figures: what of a bench's result is drawn is what is registered for it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from common.errors import SettingError
from gvsc.commands.bench import _draw
from gvsc.evaluation.figures import FIGURES, constellation
from gvsc.evaluation.figures.base import Figures


def test_the_tree_s_figures() -> None:
    of = {entry.name: entry.traits["of"] for entry in FIGURES.entries()}
    assert of == {
        "ablation": "bench ablation",
        "codec_curves": "bench codec",
        "constellation": "symbols",
        "contact_sheet": "clips",
        "genie_loss": "bench genie",
        "link_curves": "bench link",
        "terminal_constellation": "text",
    }
    assert FIGURES["constellation"] is constellation
    assert FIGURES.broken == ()


@pytest.mark.parametrize("traits", [{}, {"of": "bench"}, {"of": "music"}, {"of": 3}, {"of": "clips", "more": 1}])
def test_figures_of_nothing_are_refused(traits: dict[str, Any]) -> None:
    with pytest.raises(SettingError, match="the figure 'odd': "):
        FIGURES.register("odd", "odd", **traits)(lambda result: None)
    assert "odd" not in FIGURES


def test_a_bench_draws_all_that_are_registered_for_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    figures = Figures("figure", "gvsc.evaluation.metrics", "gvsc.no-figures")  # a package without figures
    for name, of, colour in (("one", "bench codec", 10), ("two", "bench codec", 20), ("three", "bench link", 30)):
        figures.register(name, name, of=of)(
            lambda result, colour=colour: Image.new("RGB", (result["side"], 1), (colour,) * 3)
        )
    monkeypatch.setattr("gvsc.evaluation.figures.FIGURES", figures)
    assert {name: picture.size for name, picture in figures.drawn("codec", {"side": 4}).items()} == {
        "one": (4, 1),
        "two": (4, 1),
    }
    _draw("codec", {"side": 4}, tmp_path / "made.png")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["made-two.png", "made.png"]
    _draw("nothing", {}, tmp_path / "none.png")
    assert not (tmp_path / "none.png").exists()
