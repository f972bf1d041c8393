"""The perceptual distances of the loss: features of EfficientNet-Lite0, and LPIPS without its package."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from common.errors import PackageError, WeightsError
from gvsc.training import loss, lpips
from gvsc.training.lpips import Lpips
from gvsc.training.recipe import Loss, RecipeError


def noise(seed: int, channels: int = 3) -> Tensor:
    return torch.rand(2, channels, 64, 64, generator=torch.Generator().manual_seed(seed))


@pytest.fixture
def trunk() -> dict[str, Tensor]:
    """AlexNet as torchvision stores it, classifier and all, at random."""
    torch.manual_seed(0)
    tensors = {f"features.{name}": tensor for name, tensor in nn.Sequential(*lpips._alex()).state_dict().items()}
    return tensors | {"classifier.1.weight": torch.zeros(4, 4)}


def heads(*weights: float) -> dict[str, dict[str, Tensor]]:
    widths = (64, 192, 384, 256, 256)
    lines = {f"lin{i}.model.1.weight": torch.full((1, w, 1, 1), weights[i]) for i, w in enumerate(widths)}
    return {"alex": lines, "vgg": {}}


def test_lpips_is_the_weighted_squares_of_unit_features(trunk: dict[str, Tensor]) -> None:
    x, y = noise(0), noise(1)
    shift, scale = torch.tensor([-0.030, -0.088, -0.188]), torch.tensor([0.458, 0.448, 0.450])

    def first_features(pictures: Tensor) -> Tensor:
        standard = (2 * pictures - 1 - shift[:, None, None]) / scale[:, None, None]
        found = nn.functional.conv2d(standard, trunk["features.0.weight"], trunk["features.0.bias"], 4, 2).relu()
        return found / found.norm(dim=1, keepdim=True)

    wanted = 0.5 * (first_features(x) - first_features(y)).square().sum(1).mean((1, 2))
    found = Lpips(trunk, heads(0.5, 0, 0, 0, 0))(x, y)
    torch.testing.assert_close(found, wanted)
    deeper = [float(Lpips(trunk, heads(*(float(i == j) for j in range(5))))(x, y).sum()) for i in range(5)]
    assert min(deeper) > 0
    assert float(Lpips(trunk, heads(1, 1, 1, 1, 1))(x, y).sum()) == pytest.approx(sum(deeper), rel=1e-5)


def test_lpips_of_sketches_has_a_slope_even_in_the_dark(trunk: dict[str, Tensor]) -> None:
    distance = Lpips(trunk, heads(1, 1, 1, 1, 1))
    dark = torch.zeros(1, 1, 64, 64, requires_grad=True)
    sketch = (noise(0, 1)[:1] > 0.9).float()
    assert float(distance(sketch, sketch)) == 0
    distance(dark, sketch).backward()
    assert dark.grad.isfinite().all()
    assert dark.grad.abs().sum() > 0


def test_the_trunk_is_the_users(trunk: dict[str, Tensor], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(WeightsError, match="trunk"):
        loss.distance(Loss("mse", 0.3, "lpips"))
    file = tmp_path / "alexnet.safetensors"
    save_file(trunk, file)
    monkeypatch.setattr(lpips.importlib.util, "find_spec", lambda _: None)
    with pytest.raises(PackageError, match="pip install"):
        loss.distance(Loss("mse", 0.3, "lpips", str(file)))
    monkeypatch.undo()
    package = tmp_path / "lpips" / "weights" / "v0.1"
    package.mkdir(parents=True)
    (package.parents[1] / "__init__.py").write_text("raise ImportError('it needs torchvision')")
    for kind, lines in heads(1, 1, 1, 1, 1).items():
        torch.save(lines, package / f"{kind}.pth")
    monkeypatch.syspath_prepend(str(tmp_path))
    found = loss.distance(Loss("mse", 0.3, "lpips", str(file)))
    assert isinstance(found, Lpips)
    assert found.kind == "alex"
    assert not any(parameter.requires_grad for parameter in found.parameters())
    save_file({"features.0.weight": torch.zeros(2, 2, 3, 3)}, file)
    with pytest.raises(WeightsError, match="vgg16 or alexnet"):
        loss.distance(Loss("mse", 0.3, "lpips", str(file)))


@pytest.mark.parametrize("content", [b"", b"no checkpoint", None])
def test_a_file_that_is_no_checkpoint_is_told(content: bytes | None, tmp_path: Path) -> None:
    file = tmp_path / "vgg.pth"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(WeightsError, match=r"vgg\.pth"):
        lpips.read(file)


def test_distances_go_by_name() -> None:
    assert loss.distance(Loss("mse")) is None
    with pytest.raises(RecipeError, match="efficientnet-lite0-features, lpips"):
        loss.distance(Loss("mse", 0.3, "vgg"))


def test_features_of_efficientnet_tell_noise_from_likeness() -> None:
    distance = loss.distance(Loss("mse", 0.3, "efficientnet-lite0-features"))
    sketch = (nn.functional.avg_pool2d(noise(0, 1), 5, 1, 2) > 0.55).float()
    assert distance(sketch, sketch).tolist() == [0.0, 0.0]
    near, far = (sketch + amount * (noise(1, 1) - 0.5) for amount in (0.1, 0.5))
    near.requires_grad_()
    found = distance(near, sketch)
    assert (found > 0).all()
    assert (found < distance(far, sketch)).all()
    found.sum().backward()
    assert near.grad.abs().sum() > 0
    assert not any(parameter.requires_grad for parameter in distance.parameters())
