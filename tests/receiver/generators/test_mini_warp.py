"""The received first frame, moved by received fields."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from numpy.typing import NDArray

from common.errors import SettingError
from common.sections.base import Arrived
from receiver import policy
from receiver.generators import GENERATORS
from receiver.generators.base import Conditions
from receiver.generators.mini.warp import warped

FRAME = np.random.default_rng(1).random((3, 32, 32), dtype=np.float32)


def conditions(fields: NDArray[np.float32] | None, frame: NDArray[np.float32] | None = FRAME) -> Conditions:
    made = Conditions.of("A pan.", frame, height=32, width=32)
    return replace(made, sections={**made.sections, "motion": Arrived("motion", "motion", "motion", fields, 10.0)})


def test_the_first_frame_stays_and_the_others_move() -> None:
    fields = np.zeros((7, 2, 32, 32), np.float32)
    fields[:, 0] = np.arange(1, 8)[:, None, None]
    made = warped(conditions(fields))
    assert made is not None
    assert made.shape == (8, 3, 32, 32)
    assert made.dtype == np.float32
    np.testing.assert_array_equal(made[0], FRAME)
    for t in range(1, 8):
        np.testing.assert_allclose(made[t, :, :, : 30 - t], FRAME[:, :, t:30], atol=1e-4)
    assert made.min() >= 0.0
    assert made.max() <= 1.0


def test_no_motion_is_the_frame_held() -> None:
    made = warped(conditions(np.zeros((7, 2, 32, 32), np.float32)))
    assert made is not None
    np.testing.assert_allclose(made, np.broadcast_to(FRAME, made.shape), atol=1e-5)


def test_without_motion_or_frame_there_is_nothing_to_warp() -> None:
    assert warped(conditions(None)) is None
    assert warped(conditions(np.zeros((7, 2, 32, 32), np.float32), None)) is None


def test_fields_of_another_size_are_refused() -> None:
    with pytest.raises(SettingError, match="motion"):
        warped(conditions(np.zeros((7, 2, 16, 16), np.float32)))


def test_what_is_built_from_where_something_is_lost() -> None:
    served = GENERATORS.entry("mini").traits["tasks"]
    fields = np.zeros((7, 2, 32, 32), np.float32)
    tasks = {
        "all": conditions(fields),
        "motion lost": conditions(None),
        "frame lost": conditions(fields, None),
    }
    planned = {name: policy.plan(held, served) for name, held in tasks.items()}
    assert {name: plan and plan.task for name, plan in planned.items()} == {
        "all": "frame-motion-text",
        "motion lost": "frame-text",
        "frame lost": "text",
    }


@pytest.mark.slow
def test_mini_moves_a_frame_without_its_networks() -> None:
    from receiver.generators.mini.generator import Mini

    made = Mini(SimpleNamespace(mover=SimpleNamespace(frames=8)))  # type: ignore[arg-type]
    fields = np.full((7, 2, 32, 32), 2.0, np.float32)
    assert "frame-motion-text" in made.tasks
    first, second = (made.generate(conditions(fields), seed) for seed in (1, 2))
    np.testing.assert_array_equal(first, second)
    np.testing.assert_allclose(first[3, :, :28, :28], FRAME[:, 2:30, 2:30], atol=1e-4)
