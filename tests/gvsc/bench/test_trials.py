from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from gvsc.bench import trials
from gvsc.bench.trials import ErrorRate


@pytest.mark.parametrize(("errors", "count"), [(0, 1000), (3, 1000), (50, 100), (997, 1000), (1000, 1000), (1, 1)])
def test_the_interval_is_wilson_s(errors, count):
    expected = stats.binomtest(errors, count).proportion_ci(confidence_level=0.95, method="wilson")
    assert ErrorRate(errors, count).interval() == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_the_interval_holds_the_true_rate_as_often_as_it_says():
    counts = np.random.default_rng(1).binomial(400, 0.03, 2000)
    covered = [low <= 0.03 <= high for low, high in (ErrorRate(int(k), 400).interval() for k in counts)]
    assert 0.93 <= np.mean(covered) <= 0.98


def test_no_trials_tell_nothing():
    assert math.isnan(ErrorRate(0, 0).rate)
    assert ErrorRate(0, 0).interval() == (0.0, 1.0)


@pytest.mark.parametrize(("errors", "count"), [(-1, 5), (6, 5)])
def test_impossible_counts_are_refused(errors, count):
    with pytest.raises(ValueError, match="cannot be"):
        ErrorRate(errors, count)


def coin(p):
    return lambda rng, batch: {"errors": int((rng.random(batch) < p).sum())}


def counted(trial, **wanted):
    made = trials.count(trial, until="errors", **wanted)
    return ErrorRate(made["errors"], made["trials"])


def test_counting_stops_at_the_batch_with_the_last_error_wanted():
    made = counted(coin(0.1), target_errors=100, max_trials=100_000, batch=50, seed=1)
    assert 100 <= made.errors < 150
    assert made.trials % 50 == 0
    assert made.interval()[0] < 0.1 < made.interval()[1]


def test_counting_stops_at_the_most_trials():
    made = counted(coin(0.0), target_errors=1, max_trials=130, batch=50, seed=1)
    assert (made.errors, made.trials) == (0, 130)


def test_the_seed_is_the_result():
    first, again, other = (
        counted(coin(0.2), target_errors=200, max_trials=10_000, batch=10, seed=seed) for seed in (1, 1, 2)
    )
    assert first == again
    assert first != other


def test_batches_do_not_repeat_each_other():
    seen = []
    counted(
        lambda rng, batch: {"errors": seen.append(rng.random()) or 0}, target_errors=1, max_trials=40, batch=10, seed=3
    )
    assert len(set(seen)) == 4


def test_a_count_that_was_interrupted_ends_as_one_that_was_not():
    def trial(rng, batch):
        values = rng.random(batch)
        return {"errors": (values < 0.1).sum(), "bits": (values < 0.5).sum()}

    wanted = {"until": "errors", "target_errors": 30, "max_trials": 1000, "batch": 20, "seed": 5}
    told = []
    whole = trials.count(trial, **wanted, tell=told.append)
    assert whole["errors"] >= 30
    assert told[-1] == whole
    assert len(told) == whole["trials"] // 20
    assert trials.count(trial, **wanted, done=told[3]) == whole
    assert trials.count(trial, **wanted, done=whole) == whole


@pytest.mark.parametrize("wrong", ["target_errors", "max_trials", "batch"])
def test_counts_below_one_are_refused(wrong):
    wanted = {"target_errors": 1, "max_trials": 1, "batch": 1, "seed": 1} | {wrong: 0}
    with pytest.raises(ValueError, match="at least 1"):
        counted(coin(0.5), **wanted)
