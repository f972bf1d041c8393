"""Moving pictures along a flow, and putting a frame's detail back where it belongs."""

from __future__ import annotations

import torch
from torch.nn import functional

from receiver.generators.mini.detail import with_detail
from receiver.generators.mini.warp import warp


def smooth_and_fine(seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """A frame (3, 64, 64) of soft shapes with fine grain on it, and the same without the grain."""
    generator = torch.Generator().manual_seed(seed)
    small = torch.rand(1, 3, 5, 5, generator=generator)
    soft = functional.interpolate(small, size=(64, 64), mode="bicubic")[0]
    return soft + 0.03 * torch.randn(3, 64, 64, generator=generator), soft


def test_no_flow_moves_nothing():
    frame, _ = smooth_and_fine(1)
    moved = warp(frame[None], torch.zeros(1, 4, 2, 8, 8))
    assert moved.shape == (1, 4, 3, 64, 64)
    assert torch.allclose(moved, frame.expand(1, 4, 3, 64, 64), atol=1e-5)


def test_an_even_flow_shifts_by_pixels_of_the_picture():
    frame, _ = smooth_and_fine(2)
    flow = torch.zeros(1, 2, 2, 8, 8)
    flow[:, 1, 0], flow[:, 1, 1] = 5.0, -3.0
    moved = warp(frame[None], flow)[0, 1]
    assert torch.allclose(moved[:, 8:-8, 8:-8], frame[:, 5:-11, 13:-3], atol=1e-4)


def test_a_still_clip_gets_all_its_detail_back():
    frame, soft = smooth_and_fine(3)
    clip = soft.expand(4, 3, 64, 64)
    restored = with_detail(clip, frame, soft, torch.zeros(4, 2, 8, 8))
    assert torch.allclose(restored, frame.expand(4, 3, 64, 64), atol=1e-4)


def test_detail_moves_with_the_flow():
    frame, soft = smooth_and_fine(4)
    flow = torch.zeros(1, 2, 8, 8)
    flow[:, 0] = 6.0
    moved = warp(torch.stack([frame, soft]), flow[None].expand(2, -1, -1, -1, -1))[:, 0]
    restored = with_detail(moved[1][None], frame, soft, flow)
    assert torch.allclose(restored[0], moved[0], atol=1e-4)


def test_where_something_else_is_shown_no_detail_is_added():
    frame, soft = smooth_and_fine(5)
    other = (1 - soft).expand(2, 3, 64, 64).clone()
    other += (other - soft).sign() * 0.3
    restored = with_detail(other, frame, soft, torch.zeros(2, 2, 8, 8))
    assert (restored - other).abs().max() < 0.01
