"""Where shots begin, told as the frames go by."""

from __future__ import annotations

import numpy as np
import pytest

from transmitter.clips.cuts import AHEAD, CutDetector, cuts


def panorama(frames: int, seed: int) -> np.ndarray:
    """A slowly moving view of one scene, uint8 (frames, 18, 32, 3)."""
    wide = np.random.default_rng(seed).integers(0, 256, size=(18, 8, 3)).repeat(16, axis=1)
    return np.stack([wide[:, index // 4 : index // 4 + 32] for index in range(frames)]).astype(np.uint8)


def test_a_cut_between_two_scenes_is_found_where_it_is():
    assert cuts(np.concatenate([panorama(60, 1), panorama(50, 2)])) == [60]


def test_motion_alone_is_no_cut():
    assert cuts(panorama(80, 3)) == []


def test_several_cuts_one_soon_after_the_other_and_near_both_ends():
    lengths = (2, 40, 5, 6, 3)
    pictures = np.concatenate([panorama(length, seed) for seed, length in enumerate(lengths)])
    assert cuts(pictures) == np.cumsum(lengths)[:-1].tolist()


def test_a_soft_change_counts_where_the_video_is_calm():
    calm = np.full((40, 18, 32, 3), 100, np.uint8)
    calm[20:] += 12
    assert cuts(calm) == [20]
    flicker = calm.copy()
    flicker[::2] += 5
    assert cuts(flicker) == []


@pytest.mark.parametrize("seed", [0, 1])
def test_where_every_frame_differs_much_from_the_last_nothing_is_cut(seed: int):
    rng = np.random.default_rng(seed)
    assert cuts(rng.integers(0, 256, (50, 18, 32, 3), np.uint8)) == []
    ramp = np.repeat(np.arange(0, 240, 30, dtype=np.uint8), 18 * 32 * 3).reshape(8, 18, 32, 3)
    assert cuts(ramp) == []


def test_each_frame_is_decided_once_and_so_many_frames_late():
    detector = CutDetector()
    pictures = np.concatenate([panorama(30, 1), panorama(30, 2)])
    decided = 0
    for number, picture in enumerate(pictures):
        for begins in detector.push(picture):
            assert begins == (decided == 30)
            decided += 1
        assert decided == max(1, number - AHEAD + 1)
    assert len(detector.finish()) == len(pictures) - decided


@pytest.mark.parametrize("frames", [0, 1, 2, 5])
def test_few_frames(frames: int):
    assert cuts(panorama(frames + 1, 1)[:frames]) == []
