"""How fast the turbo decoder is, against commpy's in the same run, and how often it fails."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from common.coding import qpp, turbo
from common.conventions import noise_variance
from common.modulation import qam
from gvsc.bench.trials import ErrorRate

K = 768
TIMING_SNR_DB = -1.0
SNRS_DB = (-1.5, -1.0)
COMMPY_BLOCKS = 7


def measure(blocks: int, batch: int, iterations: int, tell: Callable[[str], None], seed: int) -> dict[str, Any]:
    """Time of a block of K = 768 bits at rate 1/3, ``iterations`` without early stop, in one thread; and BLER.

    ``ms_per_block`` is the median over passes through ``batch`` blocks at once, half of them before and half after
    commpy's turn; ``commpy_ms_per_block`` the median over single blocks, as commpy takes no more. The BLER is over
    ``blocks`` blocks at each of SNRS_DB (Es/N0), with Wilson intervals.
    """
    rng = np.random.default_rng(seed)
    _, words = _received(batch, TIMING_SNR_DB, rng)
    turbo.decode(words, iterations)  # compiled, or read from disk
    turbo.decode(words[0], iterations)
    passes = _times(lambda: turbo.decode(words, iterations), 20)
    commpy_times = _commpy_times(words[:COMMPY_BLOCKS], iterations)
    passes += _times(lambda: turbo.decode(words, iterations), 20)
    single = _times(lambda: turbo.decode(words[0], iterations), 20)
    ours, theirs = statistics.median(passes) / batch, statistics.median(commpy_times)
    tell(f"{1e3 * ours:.3f} ms a block, commpy {1e3 * theirs:.1f} ms")
    rates = {}
    for snr_db in SNRS_DB:
        rates[snr_db] = _block_error_rate(snr_db, blocks, batch, iterations, rng)
        tell(f"{snr_db} dB: BLER {rates[snr_db]}")
    return {
        "k": K,
        "iterations": iterations,
        "batch": batch,
        "threads": 1,
        "ms_per_block": 1e3 * ours,
        "ms_single_block": 1e3 * statistics.median(single),
        "commpy_ms_per_block": 1e3 * theirs,
        "ratio_vs_commpy": theirs / ours,
        "bler": {str(snr_db): rate.rate for snr_db, rate in rates.items()},
        "bler_interval": {str(snr_db): rate.interval() for snr_db, rate in rates.items()},
        "blocks": blocks,
    }


def _times(once: Callable[[], object], count: int) -> list[float]:
    """Seconds of processor time of each of ``count`` calls: what else the machine does meanwhile does not count."""
    taken = []
    for _ in range(count):
        began = time.thread_time()
        once()
        taken.append(time.thread_time() - began)
    return taken


def _received(blocks: int, snr_db: float, rng: np.random.Generator) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Random blocks (blocks, K) and the LLRs of their code words (blocks, 3K + 12) behind 4-QAM in white noise."""
    sent = rng.integers(0, 2, (blocks, K), dtype=np.uint8)
    symbols = np.stack([qam.modulate(turbo.encode(block)) for block in sent])
    variance = noise_variance(snr_db)
    noise = rng.standard_normal((2, *symbols.shape)) * np.sqrt(variance / 2.0)
    return sent, qam.llr(symbols + noise[0] + 1j * noise[1], variance)


def _commpy_times(words: NDArray[np.float32], iterations: int) -> list[float]:
    """Seconds that commpy takes for each word. It does not know the tails; its polynomials are bit-reversed."""
    from commpy import TurboCode

    code = TurboCode(K, constraint_length=4, feedback=0o15, feedforward=0o13, interleaver=qpp.permutation(K))
    streams = [word[: 3 * K].reshape(K, 3).T.reshape(-1).astype(np.float64) for word in words]
    code.decode(streams[0], iterations=1)
    return [_times(partial(code.decode, values, iterations=iterations), 1)[0] for values in streams]


def _block_error_rate(snr_db: float, blocks: int, batch: int, iterations: int, rng: np.random.Generator) -> ErrorRate:
    wrong = done = 0
    while done < blocks:
        sent, words = _received(min(batch, blocks - done), snr_db, rng)
        wrong += int((turbo.decode(words, iterations) != sent).any(axis=1).sum())
        done += len(sent)
    return ErrorRate(wrong, done)
