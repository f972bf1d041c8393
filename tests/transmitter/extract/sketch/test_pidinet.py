"""PiDiNet: its convolutions are what the paper says, the authors' checkpoints give their maps, nothing else loads."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

from common.errors import WeightsError
from transmitter.extract import sketch
from transmitter.extract.extractors.pidinet import load
from transmitter.extract.sketch.pidinet_checkpoint import network_of, read_checkpoint
from transmitter.extract.sketch.pidinet_network import WIDTHS, PiDiNet, difference_kernel

PUBLIC = Path(__file__).resolve().parents[5] / "shared" / "data" / "pidinet"
"""The authors' checkpoints, and what their code makes of a picture. Research only: never part of the project."""


@pytest.mark.skipif(not PUBLIC.is_dir(), reason=f"the authors' checkpoints are not in {PUBLIC}")
@pytest.mark.parametrize(("file", "kind"), [("table5_pidinet.pth", "full"), ("table5_pidinet-tiny.pth", "tiny")])
def test_the_authors_checkpoints_give_their_maps(file: str, kind: str) -> None:
    held = np.load(PUBLIC / "pidinet_parity.npz", allow_pickle=False)
    made = sketch.load("pidinet", {"pidinet-weights": PUBLIC / file}).extract(held["rgb"][None])
    assert np.abs(made[0] - held[f"edge_{kind}"]).max() < 1e-4


def pixel(x: np.ndarray, row: int, column: int) -> float:
    inside = 0 <= row < x.shape[0] and 0 <= column < x.shape[1]
    return float(x[row, column]) if inside else 0.0


def differences(x: np.ndarray, weight: np.ndarray, kind: str, row: int, column: int) -> float:
    """One output of a pixel difference convolution, pair of pixels by pair of pixels (section 3.1 of the paper)."""
    ring = [(-1, -1), (-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1)]  # with the clock
    total = 0.0
    if kind == "rd":
        # the authors' code leaves out the first weight, not the centre's, and goes row by row
        for (dr, dc), factor in zip(sorted(ring), weight.flat[1:], strict=True):
            total += factor * (pixel(x, row + 2 * dr, column + 2 * dc) - pixel(x, row + dr, column + dc))
        return total
    for number, (dr, dc) in enumerate(ring):
        nr, nc = ring[(number + 1) % 8] if kind == "ad" else (0, 0)
        difference = pixel(x, row + dr, column + dc) - pixel(x, row + nr, column + nc)
        total += weight[dr + 1, dc + 1] * difference
    return total


@pytest.mark.parametrize("kind", ["cd", "ad", "rd"])
def test_a_difference_convolution_sums_weighted_differences(kind: str) -> None:
    rng = np.random.default_rng(1)
    x, weight = rng.standard_normal((7, 7)), rng.standard_normal((3, 3))
    kernel = difference_kernel(torch.from_numpy(weight)[None, None], kind)
    made = torch.nn.functional.conv2d(torch.from_numpy(x)[None, None], kernel, padding=kernel.shape[-1] // 2)[0, 0]
    wanted = [[differences(x, weight, kind, row, column) for column in range(7)] for row in range(7)]
    assert made.numpy() == pytest.approx(np.array(wanted), abs=1e-12)


@pytest.mark.parametrize(("size", "parameters"), [("full", 710_149), ("tiny", None), ("small", None)])
def test_the_sizes(size: str, parameters: int | None) -> None:
    network = PiDiNet(size)
    assert parameters in (None, sum(p.numel() for p in network.parameters()))
    assert network.init_block.weight.shape[0] == WIDTHS[size][0]


def drawn(size: str = "tiny") -> PiDiNet:
    torch.manual_seed(3)
    return PiDiNet(size).eval()


def test_fused_it_draws_the_same() -> None:
    network = drawn()
    x = torch.rand(1, 3, 48, 40)
    with torch.no_grad():
        before, after = network(x), network.fused()(x)
    assert before.std() > 0
    assert (before - after).abs().max() < 1e-5


def save(path: Path, held: object) -> Path:
    torch.save(held, path)
    return path


@pytest.mark.parametrize("size", WIDTHS)
def test_a_checkpoint_says_its_size_itself(tmp_path: Path, size: str) -> None:
    state = {f"module.{name}": tensor for name, tensor in drawn(size).state_dict().items()}
    for held in ({"epoch": 19, "state_dict": state}, state, drawn(size).state_dict()):
        network = network_of(read_checkpoint(save(tmp_path / "c.pth", held)), "c.pth")
        assert all(torch.equal(network.state_dict()[name], tensor) for name, tensor in drawn(size).state_dict().items())


def broken(change: str) -> object:
    state = dict(drawn().state_dict())
    if change == "missing":
        del state["classifier.bias"]
    elif change == "more":
        state["another.weight"] = torch.zeros(3)
    elif change == "shape":
        state["classifier.weight"] = torch.zeros(1, 5, 1, 1)
    elif change == "nan":
        state["classifier.weight"] = torch.full((1, 4, 1, 1), torch.nan)
    elif change == "width":
        state["init_block.weight"] = torch.zeros(21, 3, 3, 3)
    elif change == "number":
        return {"state_dict": {"init_block.weight": 3}}
    elif change == "list":
        return [1, 2]
    elif change == "scalar":
        state["init_block.weight"] = torch.tensor(1.0)
    return state


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("missing", "does not fit PiDiNet tiny.*classifier.bias"),
        ("more", "does not fit PiDiNet tiny.*another.weight"),
        ("shape", "does not fit PiDiNet tiny.*classifier.weight"),
        ("nan", "not finite"),
        ("width", "its first layer is another"),
        ("scalar", "its first layer is another"),
        ("number", "no map of names to tensors"),
        ("list", "no map of names to tensors"),
    ],
)
def test_a_checkpoint_that_is_another_is_refused(tmp_path: Path, change: str, told: str) -> None:
    path = save(tmp_path / "c.pth", broken(change))
    with pytest.raises(WeightsError, match=told) as error:
        load(path)
    assert "\n" not in str(error.value)
    assert str(path) in str(error.value)


class _Opens:
    """What torch.load would run if it were allowed to."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return open, (str(self.path), "w")


def test_a_checkpoint_cannot_run_anything(tmp_path: Path) -> None:
    path = save(tmp_path / "c.pth", {"state_dict": _Opens(tmp_path / "opened")})
    with pytest.raises(WeightsError, match="read safely"):
        load(path)
    assert not (tmp_path / "opened").exists()


def garbage() -> dict[str, bytes]:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as opened:
        opened.writestr("a/data.pkl", b"\x80\x02}q.")
    whole = io.BytesIO()
    torch.save(drawn().state_dict(), whole)
    return {
        "empty": b"",
        "text": b"version https://example.org/spec/v1\n",
        "zip": archive.getvalue(),
        "truncated": whole.getvalue()[: len(whole.getvalue()) // 2],
    }


@pytest.mark.parametrize("kind", garbage())
def test_a_file_that_is_no_checkpoint_is_refused(tmp_path: Path, kind: str) -> None:
    (tmp_path / "c.pth").write_bytes(garbage()[kind])
    with pytest.raises(WeightsError, match="is not a checkpoint"):
        load(tmp_path / "c.pth")


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"cannot read .*none\.pth"):
        load(tmp_path / "none.pth")


def test_the_variable_names_the_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(WeightsError, match="--pidinet-weights or in GVSC_PIDINET_WEIGHTS"):
        sketch.load("pidinet")
    monkeypatch.setenv("GVSC_PIDINET_WEIGHTS", str(save(tmp_path / "c.pth", drawn().state_dict())))
    video = np.random.default_rng(0).integers(0, 256, (1, 32, 32, 3), np.uint8)
    with torch.no_grad():
        wanted = drawn()(torch.from_numpy(video).permute(0, 3, 1, 2) / 255)[:, 0].numpy()
    assert sketch.load("pidinet").extract(video) == pytest.approx(wanted, abs=1e-5)
