from __future__ import annotations

import hashlib
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from common.coding import bits, crc, qpp, turbo
from common.modulation import qam


def noisy_llr(coded, snr_db, rng):
    symbols = qam.modulate(coded)
    variance = 10.0 ** (-snr_db / 10.0)
    noise = (rng.standard_normal(symbols.size) + 1j * rng.standard_normal(symbols.size)) * np.sqrt(variance / 2.0)
    return qam.llr(symbols + noise, variance)


def received(K, blocks, snr_db, rng):
    sent = rng.integers(0, 2, (blocks, K), dtype=np.uint8)
    return sent, noisy_llr(np.concatenate([turbo.encode(block) for block in sent]), snr_db, rng).reshape(blocks, -1)


@pytest.fixture(scope="module")
def oracle():
    """What Sionna 2.2.0's TurboEncoder(rate=1/3, constraint_length=4, terminate=True) makes of the bits below."""
    with np.load(Path(__file__).with_name("turbo_vectors.npz"), allow_pickle=False) as file:
        return dict(file)


def vector_bits(K):
    return bits.from_bytes(hashlib.shake_256(f"turbo {K}".encode()).digest(K // 8))


@pytest.mark.parametrize("K", [40, 784])
def test_coded_bits_are_the_oracle_s(oracle, K):
    coded = turbo.encode(vector_bits(K))
    assert coded.dtype == np.uint8
    assert coded.shape == (3 * K + 12,)
    assert np.array_equal(np.packbits(coded), oracle[f"coded_{K}"])


def test_coded_bits_of_all_188_sizes_are_the_oracle_s(oracle):
    assert oracle["digests"].shape == (188, 8)
    for K, digest in zip(qpp.BLOCK_SIZES, oracle["digests"], strict=True):
        coded = turbo.encode(vector_bits(K))
        assert hashlib.sha256(np.packbits(coded).tobytes()).digest()[:8] == digest.tobytes(), K


def test_the_code_is_linear():
    rng = np.random.default_rng(1)
    a, b = rng.integers(0, 2, (2, 40), dtype=np.uint8)
    assert np.array_equal(turbo.encode(a) ^ turbo.encode(b), turbo.encode(a ^ b))
    assert not turbo.encode(np.zeros(40, dtype=np.uint8)).any()


@pytest.mark.parametrize("K", [40, 48, 512, 528, 784, 2112, 6144])
@pytest.mark.parametrize("magnitude", [0.5, 5.0, 1.0e30])
def test_round_trip_without_noise(K, magnitude):
    block = np.random.default_rng(K).integers(0, 2, K, dtype=np.uint8)
    llr = (1.0 - 2.0 * turbo.encode(block).astype(np.float64)) * magnitude
    decoded = turbo.decode(llr)
    assert decoded.dtype == np.uint8
    assert np.array_equal(decoded, block)


def test_erasures_are_filled():
    """A fifth of the coded bits is missing, the rest is certain."""
    rng = np.random.default_rng(2)
    block = rng.integers(0, 2, 784, dtype=np.uint8)
    llr = (1.0 - 2.0 * turbo.encode(block).astype(np.float32)) * 8.0
    llr[rng.random(llr.size) < 0.2] = 0.0
    assert np.array_equal(turbo.decode(llr), block)


@pytest.mark.parametrize(("lanes", "lane"), [(1, 0), (turbo.FEW_LANES, 5), (turbo.LANES, 15)])
def test_extrinsic_llrs_are_those_of_the_definition(lanes, lane):
    """One constituent decoder against the sum over all 2^K code words, at a K small enough for that."""
    from common.coding import turbo_kernel

    K = 8
    words = np.array(list(product((0, 1), repeat=K)), dtype=np.uint8)
    coded = [turbo._recursive_encode(word) for word in words]
    systematic_bits = np.stack([np.concatenate([w, tail[0::2]]) for w, (_, tail) in zip(words, coded, strict=True)])
    parity_bits = np.stack([np.concatenate([parity, tail[1::2]]) for parity, tail in coded])
    rng = np.random.default_rng(3)
    for _ in range(20):
        systematic, parity = (rng.standard_normal((2, K + 3)) * 2.0).astype(np.float32)
        apriori = (rng.standard_normal(K) * 2.0).astype(np.float32)
        work = np.zeros((turbo_kernel.records(K), turbo_kernel.RECORD, lanes), dtype=np.float32)
        work[: K + 3, 8, lane], work[: K + 3, 9, lane], work[:K, 10, lane] = systematic, parity, apriori
        turbo_kernel.constituent(work.reshape(-1), K, (0,) * lanes)
        extrinsic = work[:K, 0, lane]
        # log P of each word, up to a constant
        log_p = -(systematic_bits @ systematic.astype(float) + parity_bits @ parity.astype(float) + words @ apriori)
        for k in range(K):
            zero, one = words[:, k] == 0, words[:, k] == 1
            posterior = np.logaddexp.reduce(log_p[zero]) - np.logaddexp.reduce(log_p[one])
            # the line in place of log(1 + e^-d) is 0.08 off at most, and errors of a few steps add up
            assert extrinsic[k] == pytest.approx(posterior - systematic[k] - apriori[k], abs=0.3)


# Reference: exact log-MAP at K = 768 has 0.9, 0.3, 0.01 and 0 of 1000 blocks wrong. Bounds: four standard deviations.
@pytest.mark.parametrize(
    ("snr_db", "blocks", "least", "most"),
    [(-2.0, 1000, 0.86, 0.95), (-1.5, 2000, 0.28, 0.38), (-1.0, 3000, 0.002, 0.02), (-0.5, 3000, 0.0, 0.001)],
)
def test_block_error_rate(snr_db, blocks, least, most):
    sent, words = received(768, blocks, snr_db, np.random.default_rng(4))
    wrong = (turbo.decode(words) != sent).any(axis=1).mean()
    assert least <= wrong <= most


# Measured with this decoder; a regression shows as a shift of the curve. Bounds: four standard deviations.
@pytest.mark.parametrize(
    ("K", "snr_db", "blocks", "rate"),
    [(40, 0.0, 4000, 0.030), (256, -1.0, 2000, 0.088), (1024, -1.5, 600, 0.304), (6144, -1.6, 100, 0.5)],
)
def test_block_error_rate_of_other_sizes(K, snr_db, blocks, rate):
    sent, words = received(K, blocks, snr_db, np.random.default_rng(4))
    wrong = (turbo.decode(words) != sent).any(axis=1).mean()
    assert wrong == pytest.approx(rate, abs=4.0 * np.sqrt(rate * (1.0 - rate) / blocks))


@pytest.mark.parametrize("blocks", [1, 7, 8, 9, 16, 50])
@pytest.mark.parametrize("protected", [0, 480])
def test_a_batch_is_decoded_as_each_block_alone(blocks, protected):
    rng = np.random.default_rng(10)
    sent = np.stack([crc.append(rng.integers(0, 2, 464, dtype=np.uint8)) for _ in range(blocks)])
    words = np.stack([noisy_llr(turbo.encode(block), -1.25, rng) for block in sent])
    together = turbo.decode(words, protected=protected)
    assert together.shape == (blocks, 480)
    assert all(
        np.array_equal(turbo.decode(word, protected=protected), one) for word, one in zip(words, together, strict=True)
    )


def test_an_empty_batch_is_decoded():
    assert turbo.decode(np.zeros((0, 132))).shape == (0, 40)


def test_iterations_help():
    rng = np.random.default_rng(5)
    wrong = {1: 0, 2: 0, 8: 0}
    for _ in range(100):
        block = rng.integers(0, 2, 768, dtype=np.uint8)
        llr = noisy_llr(turbo.encode(block), -0.75, rng)
        for iterations in wrong:
            wrong[iterations] += not np.array_equal(turbo.decode(llr, iterations=iterations), block)
    assert wrong[1] > wrong[2] > wrong[8]
    assert wrong[1] == 100
    assert wrong[8] <= 5


@pytest.mark.slow
@pytest.mark.parametrize("K", [40, 48, 512, 6144])
def test_coded_bits_are_sionna_s(K):
    encoder_of = pytest.importorskip("sionna.phy.fec.turbo").TurboEncoder
    block = vector_bits(K)
    theirs = encoder_of(rate=1 / 3, constraint_length=4, terminate=True)(_tensor(block[None]))
    assert np.array_equal(np.asarray(theirs)[0].astype(np.uint8), turbo.encode(block))


@pytest.mark.slow
def test_as_good_as_sionna_s_decoder():
    """Its "log" algorithm on the same noise; its LLR is log P1 / P0."""
    fec = pytest.importorskip("sionna.phy.fec.turbo")
    encoder = fec.TurboEncoder(rate=1 / 3, constraint_length=4, terminate=True)
    decoder = fec.TurboDecoder(encoder, num_iter=4, algorithm="log", hard_out=True)
    sent, words = received(64, 200, -1.0, np.random.default_rng(12))
    theirs = np.asarray(decoder(_tensor(-words))).astype(np.uint8)
    wrong, theirs_wrong = ((found != sent).any(axis=1).sum() for found in (turbo.decode(words, 4), theirs))
    assert 10 < theirs_wrong < 100
    assert abs(int(wrong) - int(theirs_wrong)) <= 8


def _tensor(values):
    torch = pytest.importorskip("torch")
    return torch.from_numpy(np.ascontiguousarray(values, dtype=np.float32))


def test_as_good_as_another_decoder():
    """commpy's exact log-MAP decoder on the same noise, without the tails, which it does not know.

    Its polynomials are bit-reversed: octal 13 and 15 of the standard are 0o15 and 0o13 there.
    """
    from commpy import TurboCode

    K, blocks = 256, 40
    other = TurboCode(K, constraint_length=4, feedback=0o15, feedforward=0o13, interleaver=qpp.permutation(K))
    rng = np.random.default_rng(6)
    ours_wrong = other_wrong = 0
    for _ in range(blocks):
        block = rng.integers(0, 2, K, dtype=np.uint8)
        coded = turbo.encode(block)
        streams = coded[: 3 * K].reshape(K, 3).T.reshape(-1)
        assert np.array_equal(streams, other.encode(block))
        llr = noisy_llr(coded, -1.0, rng)
        ours_wrong += not np.array_equal(turbo.decode(llr, iterations=4), block)
        theirs, _, _ = other.decode(llr[: 3 * K].reshape(K, 3).T.reshape(-1), iterations=4)
        other_wrong += not np.array_equal(theirs, block)
    assert 0 < other_wrong < blocks
    assert ours_wrong <= other_wrong + 3


def test_a_held_crc_ends_the_decoding():
    rng = np.random.default_rng(7)
    stopped = 0
    for _ in range(50):
        block = crc.append(rng.integers(0, 2, 752, dtype=np.uint8))
        llr = noisy_llr(turbo.encode(block), -1.0, rng)
        first = turbo.decode(llr, iterations=3)
        with_check = turbo.decode(llr, iterations=8, protected=768)
        if crc.check(with_check):
            assert np.array_equal(with_check, block)
        # Where 3 iterations are enough, 8 with the check return the same, and not what more iterations make of it.
        if crc.check(first):
            stopped += 1
            assert np.array_equal(with_check, first)
    assert stopped > 5


def test_decoding_ends_with_the_first_iteration_that_holds():
    from common.coding import turbo_kernel

    rng = np.random.default_rng(8)
    words = (rng.standard_normal((20, 132)) * 2.0).astype(np.float32)
    no_terms = np.zeros(0, dtype=np.uint16)

    def decided(iterations, start):
        return turbo_kernel.decode(words, qpp.permutation(40), iterations, no_terms, start, (0,) * turbo.LANES)

    assert np.array_equal(decided(8, 0), decided(1, 1))
    assert not np.array_equal(decided(8, 0), decided(8, 1))


def test_threads_do_not_disturb_each_other():
    rng = np.random.default_rng(8)
    words = [noisy_llr(turbo.encode(rng.integers(0, 2, 768, dtype=np.uint8)), -1.5, rng) for _ in range(32)]
    alone = [turbo.decode(word) for word in words]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(turbo.decode, words))
    assert all(np.array_equal(a, b) for a, b in zip(alone, together, strict=True))


def test_the_input_is_left_as_it_was():
    llr = noisy_llr(turbo.encode(np.ones(40, dtype=np.uint8)), 0.0, np.random.default_rng(9)) * np.float32(1.0e4)
    before = llr.copy()
    turbo.decode(llr)
    assert np.array_equal(llr, before)


@pytest.mark.parametrize("size", [0, 11, 12, 131, 133, 135])
def test_lengths_that_no_block_has_are_refused(size):
    with pytest.raises(ValueError, match="turbo code"):
        turbo.decode(np.zeros(size, dtype=np.float32))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_llrs_that_are_not_finite_are_refused(value):
    llr = np.ones(132, dtype=np.float32)
    llr[5] = value
    with pytest.raises(ValueError, match="finite"):
        turbo.decode(llr)


def test_other_nonsense_is_refused():
    llr = np.ones(132, dtype=np.float32)
    with pytest.raises(ValueError, match="iteration"):
        turbo.decode(llr, iterations=0)
    for protected in (-1, 1, 16, 41):
        with pytest.raises(ValueError, match="protected"):
            turbo.decode(llr, protected=protected)
    with pytest.raises(ValueError, match="block size"):
        turbo.encode(np.zeros(41, dtype=np.uint8))
    with pytest.raises(ValueError, match="zeros and ones"):
        turbo.encode(np.full(40, 2))


def test_numba_is_not_imported_before_it_is_needed():
    code = "import sys; import common.coding.turbo, common.codecs.text; sys.exit('numba' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(turbo.__file__).parents[2])


def test_decodes_where_no_compiled_code_can_be_kept():
    code = """
import numba.core.caching as caching
def refuse(self):
    raise OSError
for locator in (caching.UserProvidedCacheLocator, caching.InTreeCacheLocator, caching.UserWideCacheLocator):
    locator.ensure_cache_path = refuse
import numpy as np
from common.coding import turbo
assert not turbo.decode(np.ones(132, dtype=np.float32)).any()
"""
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(turbo.__file__).parents[2])
