"""Training of the sketch extractor: what it is to draw, the loss, a run that goes on where it was."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from gvsc.evaluation.metrics.edge_f1 import thin
from gvsc.training import pidinet
from gvsc.training.world import Scene, Shape, labels
from transmitter.extract.sketch.pidinet_checkpoint import network_of


def band(width: float = 4.0) -> np.ndarray:
    """What HED would make of a disc's rim: a broad ring (128, 128)."""
    rows, columns = np.indices((128, 128)) - 63.5
    return np.exp(-0.5 * ((np.hypot(rows, columns) - 40) / width) ** 2).astype(np.float32)


def test_the_target_of_a_broad_band_is_a_thin_bright_line() -> None:
    made = pidinet.target(band())
    assert made.max() > 0.95
    assert (made >= 0.3).sum() < 0.4 * (band() >= 0.3).sum()
    rows, columns = np.nonzero(made >= 0.3)
    assert np.abs(np.hypot(rows - 63.5, columns - 63.5) - 40).max() < 3


def test_the_target_is_as_bright_as_the_map() -> None:
    drawn = pidinet.target(0.5 * band())
    # staircases are a little brighter than straight lines
    assert np.median(drawn[thin(drawn) & (drawn > 0.3)]) == pytest.approx(0.5, abs=0.1)
    assert pidinet.target(0.05 * band()).max() == 0


def test_specks_are_not_drawn() -> None:
    edges = np.zeros((64, 64), np.float32)
    edges[30, 30] = 1
    assert pidinet.target(edges).max() == 0
    edges[30, 10:54] = 1
    assert pidinet.target(edges).max() > 0.5


def test_outlines_replace_what_the_map_says_of_the_shapes_alone() -> None:
    scene = Scene(
        "plain", ("blue",), (Shape("red", "square", "still", 128.0, 128.0, 40.0, 60.0, 0.0),), "still", 80, "day"
    )
    shown = labels(scene)[0]
    edges = np.full((256, 256), 0.4, np.float32)
    made = pidinet.with_outlines(edges, shown)
    assert (made[:80] == 0.4).all()
    assert made[128, 128] == 0  # the middle of the shape has no lines
    half = 0.85 * 40
    assert made[128, int(128 - half) - 1 : int(128 - half) + 1].max() == 1
    assert pidinet.with_outlines(edges, np.zeros((256, 256), np.uint8)) is edges


def test_two_regions_have_an_outline_between_them() -> None:
    shown = np.zeros((8, 8), np.uint8)
    shown[:, 2:4], shown[:, 4:6] = 1, 2
    assert pidinet.outlines(shown).any(0).tolist() == [False, True, True, True, True, True, True, False]


def test_the_loss_is_least_where_the_logits_say_the_target() -> None:
    wanted = torch.from_numpy(pidinet.target(band()))[None, None].clamp(0.01, 0.99)
    said = torch.logit(wanted)
    best = pidinet.loss_of([said] * 5, wanted)
    for other in (said + 0.3, said - 0.3, torch.zeros_like(said)):
        assert pidinet.loss_of([said] * 4 + [other], wanted) > best
        assert pidinet.loss_of([other] + [said] * 4, wanted) > best


@pytest.fixture
def edges(tmp_path: Path) -> Path:
    """A folder as `teach` leaves it: discs and their rims."""
    for kind in ("photos", "rendered"):
        ring = np.pad(band(), 64)
        picture = np.repeat((200 * (np.hypot(*(np.indices((256, 256)) - 127.5)) < 40))[..., None], 3, 2)
        np.save(tmp_path / f"{kind}-pictures.npy", np.stack([picture] * 3).astype(np.uint8))
        np.save(tmp_path / f"{kind}-maps.npy", np.stack([np.round(255 * ring)] * 3).astype(np.uint8))
        (tmp_path / f"{kind}-done.json").write_text("2")
    return tmp_path


def test_a_run_goes_on_where_it_was(edges: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pidinet, "CROP", 64)
    folder = tmp_path / "run"
    pidinet.train(edges, folder, 1e-9, seed=1)  # a step, then the time is up
    first = pidinet.run_in(folder)
    assert first.step == 1
    pidinet.train(edges, folder, 1e-9, seed=1)
    assert pidinet.run_in(folder).step == 1
    pidinet.train(edges, folder, (first.seconds + 0.01) / 3600, seed=1)
    second = pidinet.run_in(folder)
    assert second.step > 1
    moments = second.optimiser.state[next(iter(second.model.parameters()))]
    assert float(moments["step"]) == second.step
    assert moments["exp_avg"].abs().max() > 0
    before, after = (run.model.state_dict()["classifier.bias"] for run in (first, second))
    assert not torch.equal(before, after)


def test_steps_lower_the_loss(edges: Path) -> None:
    torch.manual_seed(0)
    taught = pidinet._Taught.load(edges, "photos")
    assert len(taught.pictures) == len(taught.targets) == 2
    run = pidinet.run_in(edges)
    losses = []
    for step in range(16):
        xs, ys = zip(*(pidinet._draw(taught, np.random.default_rng(step % 2)) for _ in range(1)), strict=True)
        loss = pidinet.loss_of(run.model.logits(torch.stack(xs)), torch.stack(ys))
        run.advance(loss, 3e-3)
        losses.append(loss.item())
    assert np.mean(losses[-2:]) < 0.85 * np.mean(losses[:2])


def test_what_is_exported_is_what_the_extractor_loads(
    edges: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pidinet, "CROP", 64)
    run, to = tmp_path / "run", tmp_path / "w.safetensors"
    pidinet.train(edges, run, 1e-9, seed=1)
    monkeypatch.setattr("sys.argv", ["pidinet", "export", "--run", str(run), "--to", str(to)])
    pidinet.main()
    state = load_file(to)
    assert {tensor.dtype for tensor in state.values()} == {torch.float16}
    averaged = pidinet.run_in(run).averaged
    loaded = network_of(state, "w").state_dict()
    assert loaded.keys() == averaged.keys()
    assert all(torch.allclose(loaded[name], averaged[name], rtol=1e-3, atol=1e-6) for name in loaded)


def test_a_picture_and_its_target_are_turned_alike(edges: Path) -> None:
    for seed in range(8):
        pictures = np.load(edges / "photos-pictures.npy")
        picture = pictures[0].copy()
        picture[:, :, 1:] = 0
        taught = pidinet._Taught(picture[None], picture[None, ..., 0])
        x, y = pidinet._draw(taught, np.random.default_rng(seed))
        lit = x[0] > x[0].mean()
        assert (lit == (y[0] > 0.5)).float().mean() > 0.99
        assert y.shape == (1, pidinet.CROP, pidinet.CROP)
