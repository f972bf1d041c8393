"""Where bfloat16 is used: where the device is fast in it, and nowhere else."""

from __future__ import annotations

import pytest
import torch

from common import bfloat16
from gvsc.training.recipe import Optimiser


def test_a_processor_without_such_products_and_unknown_devices_are_not_fast(monkeypatch: pytest.MonkeyPatch) -> None:
    for has in (True, False):
        monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda has=has: has)
        assert bfloat16.is_fast() is has
    assert not bfloat16.is_fast("meta")


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_is_not_there_is_not_fast() -> None:
    assert not bfloat16.is_fast("cuda")


@pytest.mark.parametrize(("asked", "fast"), [(True, True), (True, False), (False, True)])
def test_training_is_in_bfloat16_where_it_is_asked_for_and_fast(
    asked: bool, fast: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bfloat16, "is_fast", lambda _: fast)
    optimiser = Optimiser(peak_rate=1e-3, last_rate=1e-4, bfloat16=asked)
    with optimiser.autocast(torch.device("cpu")):
        assert torch.is_autocast_enabled("cpu") is (asked and fast)
