"""The linear code does what the theory of linear codes says."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from common.codecs.linear import power_allocation
from common.conventions import noise_variance
from common.errors import WeightsError
from gvsc.bench.codec import klt


def awgn(symbols, snr_db, rng):
    noise = rng.standard_normal(symbols.size) + 1j * rng.standard_normal(symbols.size)
    return (symbols + noise * np.sqrt(noise_variance(snr_db) / 2)).astype(np.complex64)


@pytest.mark.parametrize(("kind", "kept", "symbols"), [("colour", 61, 7808), ("colour", 12, 1536), ("sketch", 2, 1024)])
def test_committed_components(kind, kept, symbols):
    code = klt.load(kind).first(kept)
    np.testing.assert_allclose(code.components @ code.components.T, np.eye(kept), atol=2e-3)  # half precision
    assert np.all(np.diff(code.variances) <= 0)
    assert code.variances[-1] > 0
    channels = 3 if kind == "colour" else 1
    picture = np.random.default_rng(1).random((channels, 256, 256), dtype=np.float32)
    sent, _ = code.encode(picture, 5.0)
    assert sent.shape == (symbols,)
    assert np.mean(np.abs(sent) ** 2) == pytest.approx(1.0, abs=1e-5)


@pytest.mark.parametrize("snr_db", [0.0, 10.0])
def test_error_is_what_lee_and_petersen_promise(snr_db):
    """Gaussian patches of known covariance: truncation and Σ λ·n / (p + n) over what is sent."""
    rng = np.random.default_rng(3)
    side, kept, pixels = 4, 6, 16
    basis = np.linalg.qr(rng.standard_normal((pixels, pixels)))[0]
    variances = 0.01 * 0.6 ** np.arange(pixels)
    patches = 0.5 + rng.standard_normal((64 * 64, pixels)) * np.sqrt(variances) @ basis.T
    picture = klt._picture(patches.astype(np.float32), side, (1, 256, 256))
    code = klt.fit([picture], side, kept)
    np.testing.assert_allclose(code.variances, variances[:kept], rtol=0.1)
    sent, scale = code.encode(picture, snr_db)
    back = code.decode(awgn(sent, snr_db, rng), snr_db, scale, snr_db, picture.shape)
    noise = noise_variance(snr_db) / 2
    kept_variances = torch.from_numpy(variances[:kept])
    powers = power_allocation(kept_variances, torch.tensor([noise]), 0.5 * kept)[0].numpy()
    promised = (np.sum(variances[:kept] * noise / (powers + noise)) + variances[kept:].sum()) / pixels
    assert np.mean((back - picture) ** 2) == pytest.approx(promised, rel=0.04)


def test_missing_file(tmp_path):
    with pytest.raises(WeightsError, match="reinstall"):
        klt.load("colour", tmp_path / "none.safetensors")
