from __future__ import annotations

import pytest
import torch

from common.errors import SettingError
from receiver.generators.large.guidance import Guided, branches_in_batch, branches_in_turn, guided


@pytest.mark.parametrize(
    ("description", "visual", "omega", "form", "expected"),
    [
        (" a star ", True, 5.0, "joint", Guided("a star", 5.0, False)),
        ("a star", True, 5.0, "literal", Guided("a star", 5.0, True)),
        ("a star", False, 5.0, "literal", Guided("a star", 5.0, False)),
        (None, True, 5.0, "literal", Guided("", 1.0, False)),
        ("a star", True, 0.0, "literal", Guided("", 1.0, False)),
        ("a star", True, 1.0, "literal", Guided("a star", 1.0, True)),
    ],
)
def test_what_is_left_of_the_equation(description, visual, omega, form, expected):
    assert guided(description, visual=visual, omega=omega, form=form) == expected


@pytest.mark.parametrize(
    ("description", "visual", "omega"), [(None, False, 5.0), ("a star", False, 0.0), ("a", True, 0.5)]
)
def test_what_pipelines_cannot_do_is_refused(description, visual, omega):
    with pytest.raises(SettingError):
        guided(description, visual=visual, omega=omega, form="joint")


class Control(torch.nn.Module):
    """Adds ``scale`` to what it gets; returns tensors in lists and tuples, as control networks do."""

    def forward(self, values, *, scale):
        return [values + scale, (values + scale,)], values + scale


def test_in_turn_every_other_call_is_silenced_and_all_of_them_without_guidance():
    control, zero, one = Control(), torch.zeros(2), torch.ones(2)
    for how, expected in (
        (Guided("a", 3.0, True), [0.0, 1.0, 0.0, 1.0]),
        (Guided("a", 1.0, True), [0.0] * 4),
        (Guided("a", 3.0, False), [1.0] * 4),
    ):
        with branches_in_turn(control, "scale", how):
            assert [control(zero, scale=one)[1][0].item() for _ in range(4)] == expected
    assert control(zero, scale=one)[1].tolist() == [1.0, 1.0], "nothing stays behind"


def test_in_a_batch_the_second_half_is_silenced_and_all_of_it_without_guidance():
    control, zero = Control(), torch.zeros(4, 2)
    for how, expected in (
        (Guided("a", 3.0, True), [1.0, 1.0, 0.0, 0.0]),
        (Guided("a", 1.0, True), [0.0] * 4),
        (Guided("a", 3.0, False), [1.0] * 4),
    ):
        with branches_in_batch(control, how):
            (first, (second,)), third = control(zero, scale=1.0)
        for tensor in (first, second, third):
            assert tensor[:, 0].tolist() == expected
    assert control(zero, scale=1.0)[1].sum() == 8.0, "nothing stays behind"


def test_an_error_within_leaves_no_hook():
    control = Control()
    for entered in (
        branches_in_turn(control, "scale", Guided("a", 3.0, True)),
        branches_in_batch(control, Guided("a", 3.0, True)),
    ):
        with pytest.raises(ZeroDivisionError), entered:
            raise ZeroDivisionError
    assert not control._forward_hooks
    assert not control._forward_pre_hooks
