"""Recipes: those that come with gvsc, what may be set, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gvsc.training import recipe
from gvsc.training.recipe import FOLDER, Length, Optimiser, Recipe, RecipeError, Snr, Stage, find, variants
from gvsc.training.train import NAMES


def named(name: str, variant: str = "default", *settings: str) -> Recipe:
    return Recipe.parse(find(name, variant)[1], settings)


@pytest.mark.parametrize("file", sorted(FOLDER.glob("djscc-*.toml")), ids=lambda file: file.stem)
def test_each_recipe_can_be_read_and_written_again(file: Path) -> None:
    made = Recipe.parse(file.read_text())
    assert Recipe.parse(made.text()) == made
    assert file.name.split(".")[0] in NAMES


@pytest.mark.parametrize("name", NAMES)
def test_the_papers_recipe_is_the_papers(name: str) -> None:
    assert variants(name)[0] == "default"
    made = named(name, "paper")
    assert made.optimiser.rate(0.0, 0) == made.optimiser.rate(0.9, 10**6) == 1e-4
    assert [(stage.batch, stage.crop) for stage in made.stages] == [(16, 256)]
    assert made.length.epochs == 200
    assert made.snr.usual_db == (0.0, 10.0)
    true, sent, estimated = made.snr.draw(2000, np.random.default_rng(0))
    assert (true == sent).all()
    assert (true == estimated).all()
    assert 0.0 <= true.min() < 0.1
    assert 9.9 < true.max() <= 10.0


def test_200_epochs_of_the_papers_sketches_are_so_many_steps() -> None:
    made = named("djscc-sketch", "paper")
    assert made.length.counted(11_000, made.stages).steps == 137_500


def test_the_sketch_recipe_is_eq_1_with_the_papers_k() -> None:
    assert named("djscc-sketch").loss.k == named("djscc-sketch", "paper").loss.k == 0.3


@pytest.mark.parametrize("k", [0, 0.3, 0.7, 1])
def test_k_is_an_option(k: float) -> None:
    made = named("djscc-sketch", "default", f"loss.k = {k}")
    assert made.loss.k == k
    assert made.stages == named("djscc-sketch").stages


def test_a_setting_may_replace_a_list_of_tables() -> None:
    made = named("djscc-frame", "default", "stages = [{ share = 1.0, batch = 32, crop = 64 }]", "length.hours = 2")
    assert made.stages == (Stage(1.0, 32, 64),)
    assert made.length == Length(hours=2.0)


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("loss.k = 1.5", "k must be within"),
        ("loss.k = true", "float"),
        ("loss.K = 1.0", "nothing called K"),
        ("loss = 3", "must be a table"),
        ("loss.fidelity = 'psnr'", "mse or rmse"),
        ("loss.perceptual = ''", "name of a distance"),
        ("stages = [{ share = 0.5, batch = 8, crop = 64 }]", "add up to 1"),
        ("stages = [{ share = 1.0, batch = 8, crop = 100 }]", "multiple of 32"),
        ("stages = [{ share = 1.0, batch = 8 }]", "lacks"),
        ("optimiser.betas = [0.9]", "2 values"),
        ("optimiser.peak_rate = 1e-9", "last_rate ≤ peak_rate"),
        ("snr.usual_db = [10.0, 0.0]", "lower end first"),
        ("length.steps = 5", "exactly one"),
        ("length.hours = nan", "more than 0"),
        ("loss.k: 3", "not TOML"),
        ("foo", "not TOML"),
        ("foo = 1", "the recipe has nothing called foo"),
    ],
)
def test_what_cannot_be_is_refused_in_a_line(setting: str, said: str) -> None:
    with pytest.raises(RecipeError, match=said) as refused:
        named("djscc-sketch", "default", setting)
    assert "\n" not in str(refused.value)
    assert str(refused.value).startswith(f"--set {setting!r}: ")


def test_who_brought_the_mistake_is_named() -> None:
    text = find("djscc-sketch", "default")[1]
    wrong = text.replace("k = 0.3", "k = 3.0")
    with pytest.raises(RecipeError, match=r"^recipe own\.toml: not TOML"):
        Recipe.parse("k: 3", name="own.toml")
    with pytest.raises(RecipeError, match=r"^recipe own\.toml: \[loss\] k must be within"):
        Recipe.parse(wrong, ["snr.rx_sigma_db = 0.5"], "own.toml")
    with pytest.raises(RecipeError, match=r"^--set 'snr\.rx_sigma_db = \"a\"': snr: rx_sigma_db must be"):
        Recipe.parse(text, ["loss.k = 1", 'snr.rx_sigma_db = "a"', "optimiser.clip_norm = 2"], "own.toml")


def test_settings_count_together() -> None:
    made = named("djscc-rgb", "default", "loss.k = 0.5", "loss.perceptual = 'lpips'")
    assert (made.loss.k, made.loss.perceptual) == (0.5, "lpips")
    with pytest.raises(RecipeError, match=r"^--set 'loss\.k = 0\.5': \[loss\] needs perceptual"):
        named("djscc-rgb", "default", "loss.k = 0.5", "snr.rx_sigma_db = 0.5")


def test_an_unknown_recipe_is_told_with_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="default, paper, or a file"):
        find("djscc-sketch", "papper")
    with pytest.raises(RecipeError, match="no recipe"):
        find("djscc-sketch", str(tmp_path / "none.toml"))
    own = tmp_path / "own.toml"
    own.write_text(named("djscc-rgb").text())
    assert Recipe.parse(find("djscc-sketch", str(own))[1]) == named("djscc-rgb")


def test_only_the_length_may_change_half_way() -> None:
    made = named("djscc-rgb")
    assert made.without_length() == made.lasting(Length(steps=3)).without_length()
    assert made.without_length() != named("djscc-rgb", "default", "snr.rx_sigma_db = 0.5").without_length()


def test_stages_follow_each_other_by_their_shares() -> None:
    made = named("djscc-frame")
    assert [made.stage(progress).crop for progress in (0.0, 0.54, 0.56, 1.0)] == [128, 128, 256, 256]


def test_the_learning_rate_warms_up_and_falls() -> None:
    rate = Optimiser(5e-4, 1e-5, warm_up_steps=60).rate
    assert rate(0.0, 0) == pytest.approx(5e-4 / 60)
    assert rate(0.0, 59) == pytest.approx(5e-4)
    assert rate(0.5, 3000) == pytest.approx(0.5 * (5e-4 + 1e-5))
    assert rate(1.0, 6000) == rate(1.2, 9000) == pytest.approx(1e-5)


def test_progress_is_by_the_clock_or_by_steps() -> None:
    assert Length(hours=2.0).progress(step=10**6, seconds=1800.0) == 0.25
    assert Length(steps=200).progress(step=50, seconds=1e6) == 0.25


def test_transmitter_and_receiver_differ_from_the_truth() -> None:
    drawn = Snr((-2.0, 12.0), (-5.0, 20.0), rare_share=0.2, tx_sigma_db=1.0, tx_stray_share=0.1, rx_sigma_db=0.3)
    true, sent, estimated = (values.numpy() for values in drawn.draw(20_000, np.random.default_rng(0)))
    assert -5.0 <= true.min() < -4.0
    assert 19.0 < true.max() <= 20.0
    outside = 1 - 14 / 25
    assert np.mean((true < -2.0) | (true > 12.0)) == pytest.approx(0.2 * outside, abs=0.01)
    assert (estimated - true).std() == pytest.approx(0.3, rel=0.03)
    apart = np.sort(np.abs(sent - true))
    assert apart[int(0.683 * 0.9 * len(apart))] == pytest.approx(1.0, abs=0.15)  # most strays lie farther out
    assert apart[int(0.95 * len(apart))] > 3.0


def test_a_table_may_not_be_of_another_kind() -> None:
    assert recipe.Loss("mse").k == 1.0
    with pytest.raises(RecipeError, match="must be a list"):
        named("djscc-rgb", "default", "stages = 3")
