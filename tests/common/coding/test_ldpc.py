from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from common.coding import ldpc, sionna_phy
from common.errors import PackageError, SchemeError


def sent(code, rng, blocks):
    bits = rng.integers(0, 2, (blocks, code.k), dtype=np.uint8)
    return bits, code.encode(bits)


def noisy_llr(coded, snr_db, rng):
    """Of BPSK with amplitude √½, an axis of 4-QAM, at Es/N0 = ``snr_db`` a symbol of two such bits."""
    variance = 10.0 ** (-snr_db / 10.0)
    received = (1.0 - 2.0 * coded) * np.sqrt(0.5) + rng.standard_normal(coded.shape) * np.sqrt(variance / 2.0)
    return (received * 2.0 * np.sqrt(2.0) / variance).astype(np.float32)


@pytest.mark.parametrize(
    ("k", "n", "bits_per_symbol"),
    [(12, 24, 2), (100, 200, 4), (292, 318, 6), (640, 3200, 2), (1000, 1212, 6), (3824, 19120, 4), (4000, 6000, 6)],
)
def test_round_trip_without_noise(k, n, bits_per_symbol):
    code = ldpc.code(k, n, bits_per_symbol)
    bits, coded = sent(code, np.random.default_rng(k), 3)
    assert coded.dtype == np.uint8
    assert coded.shape == (3, n)
    for magnitude in (5.0, 1.0e30):
        decoded, satisfied = code.decode((1.0 - 2.0 * coded.astype(np.float32)) * np.float32(magnitude))
        assert satisfied.all()
        assert np.array_equal(decoded, bits)


@pytest.mark.parametrize(("k", "n", "bits_per_symbol"), [(500, 1000, 2), (1000, 1500, 6)])
@pytest.mark.slow
def test_decisions_agree_with_sionna_s_decoder(k, n, bits_per_symbol):
    """Sionna's takes log P1/P0. Where both succeed they agree, and ours succeeds at least as often."""
    import torch

    code = ldpc.code(k, n, bits_per_symbol)
    rng = np.random.default_rng(k)
    bits, coded = sent(code, rng, 60)
    llr = noisy_llr(coded, 1.35 if n == 2 * k else 2.9, rng)
    fec = sionna_phy.load().fec.ldpc
    encoder = fec.LDPC5GEncoder(k, n, num_bits_per_symbol=bits_per_symbol, device="cpu")
    oracle = fec.LDPC5GDecoder(encoder, cn_update="boxplus-phi", num_iter=ldpc.ITERATIONS, device="cpu")
    with torch.inference_mode():
        assert np.array_equal(encoder(torch.from_numpy(bits.astype(np.float32))).numpy(), coded)
        expected = oracle(torch.from_numpy(-llr)).numpy() == bits
    decoded, satisfied = code.decode(llr)
    right = (decoded == bits).all(axis=1)
    assert right.any()
    assert right.sum() >= expected.all(axis=1).sum()
    assert right[expected.all(axis=1)].mean() > 0.9
    assert not (satisfied & ~right).any()


def test_beyond_the_last_parity_bit_sending_starts_again_and_counts():
    code = ldpc.code(60, 900, 2)  # 300 coded bits, three times
    rng = np.random.default_rng(1)
    bits, coded = sent(code, rng, 200)
    assert np.array_equal(coded[:, :300], coded[:, 600:])
    once = ldpc.code(60, 300, 2)
    gain = 10.0 * np.log10(3.0)
    three, _ = code.decode(noisy_llr(coded, -2.5 - gain, rng))
    one, _ = once.decode(noisy_llr(coded[:, :300], -2.5, rng))
    lost = [(decoded != bits).any(axis=1).mean() for decoded in (three, one)]
    assert lost[0] == pytest.approx(lost[1], abs=0.1)
    assert lost[0] < 0.2


def test_nothing_heard_is_not_an_error_of_the_program():
    code = ldpc.code(100, 200, 2)
    decoded, _ = code.decode(np.zeros((2, 200), dtype=np.float32))
    assert not decoded.any()  # all zeros is a code word: a CRC that zeros do not pass is needed, see transport


def test_noise_does_not_satisfy_the_checks():
    code = ldpc.code(300, 600, 2)
    llr = np.random.default_rng(2).normal(0.0, 2.0, (100, 600)).astype(np.float32)
    assert not code.decode(llr)[1].any()


@pytest.mark.parametrize(
    ("k", "n", "bits_per_symbol"), [(11, 100, 2), (8449, 20000, 2), (1000, 1078, 2), (1000, 2001, 2), (100, 202, 4)]
)
def test_codes_that_are_not_are_refused(k, n, bits_per_symbol):
    with pytest.raises(SchemeError):
        ldpc.Code(k, n, bits_per_symbol)


@pytest.mark.slow
def test_loading_sionna_leaves_torch_s_generator_alone():
    program = (
        "import torch; torch.manual_seed(3); from common.coding import sionna_phy; a = torch.get_rng_state();"
        "sionna_phy.load(); assert torch.equal(a, torch.get_rng_state())"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=110)


def test_without_the_package_the_line_that_installs_it_is_told(monkeypatch):
    monkeypatch.setitem(sys.modules, "sionna.phy", None)
    monkeypatch.setitem(sys.modules, "sionna", None)
    sionna_phy.load.cache_clear()
    try:
        with pytest.raises(PackageError, match=r"pip install .* sionna-no-rt"):
            sionna_phy.load()
    finally:
        monkeypatch.undo()
        sionna_phy.load.cache_clear()
