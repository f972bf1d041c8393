"""HED's weights: read from a Keras file as they lie in it, or refused."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest
import torch

from common.errors import WeightsError
from transmitter.extract.sketch import hed_network

STAGES = ((3, 64, 2), (64, 128, 2), (128, 256, 3), (256, 512, 3), (512, 512, 3))


def write(path: Path, without: str = "") -> Path:
    """A file in the form of the package's, with numbers of our own."""
    rng = np.random.default_rng(5)
    with h5py.File(path, "w") as file:

        def put(place: str, side: int, channels: int, out: int) -> None:
            if place == without:
                return
            scale = np.sqrt(2 / (side * side * channels))
            file[f"{place}/0"] = (scale * rng.standard_normal((side, side, channels, out))).astype(np.float32)
            file[f"{place}/1"] = (0.1 * rng.standard_normal(out)).astype(np.float32)

        for number, (channels, out, count) in enumerate(STAGES, 1):
            for index in range(count):
                layer = "conv2d" if index == 0 else f"conv2d_{index}"
                put(f"block{number}/layers/{layer}/vars", 3, channels if index == 0 else out, out)
            put(f"dsn{number}/vars", 1, out, 1)
        put("fuse/vars", 1, 5, 1)
    return path


def test_kernels_are_turned_to_their_place(tmp_path: Path) -> None:
    path = write(tmp_path / "hed.weights.h5")
    network = hed_network.load(path)
    with h5py.File(path) as file:
        kernel = file["block3/layers/conv2d_2/vars/0"][()]
        side = file["dsn4/vars/0"][()]
    weight = network.stages[2][2][0].weight
    assert weight[7, 11, 0, 2] == kernel[0, 2, 11, 7]
    assert network.sides[3].weight[0, 100, 0, 0] == side[0, 0, 100, 0]
    with torch.inference_mode():
        made = network(torch.rand(1, 3, 32, 48))
    assert made.shape == (1, 1, 32, 48)
    assert 0 <= made.min() < made.max() <= 1


def test_it_takes_blue_first_less_the_mean(tmp_path: Path) -> None:
    network = hed_network.load(write(tmp_path / "hed.weights.h5"))
    seen: list[torch.Tensor] = []
    network.stages[0].register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    with torch.inference_mode():
        network(torch.tensor([1.0, 0.5, 0.0]).view(1, 3, 1, 1).expand(1, 3, 16, 16))
    assert seen[0][0, :, 0, 0].tolist() == pytest.approx([-104.00699, 127.5 - 116.66877, 255 - 122.67892], abs=1e-3)


@pytest.mark.parametrize("without", ["fuse/vars", "block4/layers/conv2d_1/vars"])
def test_a_file_that_lacks_a_layer_is_refused(tmp_path: Path, without: str) -> None:
    with pytest.raises(WeightsError, match="does not hold the weights of HED"):
        hed_network.load(write(tmp_path / "hed.weights.h5", without))


def test_a_file_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.h5").write_bytes(b"not HDF5")
    for path in (tmp_path / "x.h5", tmp_path / "none.h5"):
        with pytest.raises(WeightsError, match="does not hold the weights of HED") as error:
            hed_network.load(path)
        assert "\n" not in str(error.value)
