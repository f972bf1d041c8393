from __future__ import annotations

import numpy as np

from gvsc.training.shots import Shot, shots, windows


def panorama(frames: int, seed: int) -> np.ndarray:
    """A slowly moving view of one scene, uint8 (frames, 18, 32, 3)."""
    wide = np.random.default_rng(seed).integers(0, 256, size=(18, 8, 3)).repeat(16, axis=1)
    return np.stack([wide[:, index // 4 : index // 4 + 32] for index in range(frames)]).astype(np.uint8)


def test_a_cut_between_two_scenes_is_found_where_it_is():
    pictures = np.concatenate([panorama(60, 1), panorama(50, 2)])
    assert [(shot.start, shot.stop) for shot in shots(pictures)] == [(0, 60), (60, 110)]


def test_windows_stay_inside_the_shot_at_the_asked_rate():
    found = windows(Shot(0, 100, 200), rate=24.0, fps=4.0, frames=8, hop=2)
    assert found[0] == [102, 108, 114, 120, 126, 132, 138, 144]
    assert found[1][0] == 114
    assert all(frames[0] >= 100 and frames[-1] < 200 and len(frames) == 8 for frames in found)
    # one more hop would leave the shot
    assert found[-1][-1] + 12 > 197


def test_a_shot_that_is_too_short_has_no_window():
    assert windows(Shot(0, 0, 40), rate=24.0, fps=4.0, frames=8, hop=1) == []
