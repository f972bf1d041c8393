"""Deep-feature distance: its definition on a network of our own; with HED's trunk, that it orders pictures rightly."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image, ImageFilter
from torch import nn

from common import weights
from common.errors import SettingError, WeightsError
from gvsc.bench.codec import pictures
from gvsc.evaluation.metrics import METRICS, deepfeat, measure


def trunk() -> deepfeat.Trunk:
    """One stage: the three colours less (1, 2, 3) of blue, green, red, clipped at zero."""
    stage = nn.Sequential(nn.Conv2d(3, 3, 1, bias=False), nn.ReLU())
    stage[0].weight.data = torch.eye(3)[:, :, None, None]
    return deepfeat.Trunk(nn.ModuleList([stage]), torch.tensor([1.0, 2.0, 3.0]).view(3, 1, 1))


def test_definition_by_hand():
    a, b = np.zeros((2, 16, 16, 3), np.uint8)
    a[..., :] = (3, 2, 31)  # features (b, g, r): (30, 0, 0)
    b[..., :] = (43, 32, 1)  # (0, 30, 40), scaled (0, 0.6, 0.8)
    b[:8] = (3, 2, 91)  # in the upper half (90, 0, 0): of the same direction
    network = trunk()
    assert network.distance(network.features(a), a) == 0.0
    assert network.distance(network.features(a), b) == pytest.approx(0.5 * 2.0)


def test_frames_are_averaged_and_clips_checked(monkeypatch):
    network = trunk()
    monkeypatch.setattr(deepfeat, "trunk", lambda: network)
    source = np.random.default_rng(1).integers(0, 256, (2, 16, 16, 3), np.uint8)
    received = source.copy()
    received[1] = received[1, ::-1]
    alone = deepfeat.deepfeat(source[1:], received[1:])
    assert alone > 0.01
    assert METRICS["deepfeat"](source, received) == pytest.approx(alone / 2)
    with pytest.raises(SettingError):
        deepfeat.deepfeat(source, received[:1])


def has_hed() -> bool:
    return weights.Registry().locate("hed").exists()


@pytest.mark.slow
@pytest.mark.skipif(not has_hed(), reason="the weights of HED are not in the cache: gvsc models get hed")
def test_more_damage_is_further_away():
    pytest.importorskip("h5py")
    network = deepfeat.trunk()
    photo = pictures.packaged(print)[1].pixels[64:192, 64:192]
    features = network.features(photo)
    rng = np.random.default_rng(2)
    noise = rng.standard_normal(photo.shape)
    noisy = [np.clip(photo + step * noise, 0, 255).astype(np.uint8) for step in (0, 8, 24, 64)]
    blurred = [np.asarray(Image.fromarray(photo).filter(ImageFilter.GaussianBlur(r))) for r in (0, 1, 2, 5)]
    for series in (noisy, blurred):
        found = [network.distance(features, picture) for picture in series]
        assert found[0] == 0.0
        assert all(np.diff(found) > 0.02)
        assert found[-1] < 2.0


def test_without_weights(monkeypatch, tmp_path):
    monkeypatch.setenv("GVSC_CACHE", str(tmp_path))
    monkeypatch.setenv("GVSC_OFFLINE", "1")
    monkeypatch.setattr(weights, "_registry", weights.Registry())
    deepfeat.trunk.cache_clear()
    with pytest.raises(WeightsError, match="gvsc models get hed"):
        deepfeat.trunk()
    clip = np.zeros((1, 16, 16, 3), np.uint8)
    scores = measure(clip, clip, ["psnr", "deepfeat"])
    assert dict(scores) == {"psnr": 100.0}
    assert "gvsc models get hed" in scores.missing["deepfeat"]
