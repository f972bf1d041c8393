from __future__ import annotations

import gc

import pytest

from common.loading import loading


@pytest.fixture(autouse=True)
def thawed():
    yield
    gc.unfreeze()
    gc.enable()


@pytest.mark.parametrize("enabled", [True, False])
def test_the_collector_rests_within_and_is_as_before_afterwards(enabled):
    (gc.enable if enabled else gc.disable)()
    before = gc.get_freeze_count()
    with loading():
        assert not gc.isenabled()
        kept = [[] for _ in range(1000)]
    assert gc.isenabled() == enabled
    assert gc.get_freeze_count() >= before + len(kept)


def test_an_error_within_leaves_the_collector_on():
    with pytest.raises(ValueError, match="wrong"), loading():
        raise ValueError("wrong")
    assert gc.isenabled()
