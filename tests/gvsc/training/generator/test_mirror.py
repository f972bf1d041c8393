"""Mirror images: of latents, captions and motions they are those of the mirrored picture, scene, clip."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from gvsc.training.generator import mirror
from gvsc.training.generator.pool import Pool
from gvsc.training.generator.source import Source
from receiver.generators.mini.move import move
from receiver.generators.mini.mover import UNIT, Motion
from transmitter.clips.world import Scene, World, describe

OTHER = {"left": "right", "right": "left"}


def test_latents_of_a_mirrored_picture_are_the_mirrored_latents(small_source: Source, small_pool: Pool) -> None:
    latent = small_source.axes.latent()
    picture = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    plain, turned = (latent.encode(shown)[0].numpy() for shown in (picture, picture.flip(3)))
    assert np.abs(mirror.latents(plain, small_pool.signs) - turned).max() < 1e-4
    assert np.abs(plain[:, :, ::-1] - turned).max() > 0.1  # without the signs it is another picture
    assert {-1.0, 1.0} == set(small_pool.signs.tolist())


def mirrored(scene: Scene) -> Scene:
    shapes = tuple(replace(s, motion=OTHER.get(s.motion, s.motion), x=256 - s.x, angle=-s.angle) for s in scene.shapes)
    return replace(scene, shapes=shapes, camera=OTHER.get(scene.camera, scene.camera))


def test_captions_of_mirrored_scenes() -> None:
    world = World(3)
    sided = 0
    for number in range(25):
        scene = world[number].scene
        told, turned = (describe(of, np.random.default_rng(number)) for of in (scene, mirrored(scene)))
        assert mirror.caption(told) == turned
        sided += told != turned
    assert sided >= 5


@pytest.mark.parametrize(
    ("told", "turned"),
    [
        ("a bright red ball moves left, slowly", "a bright red ball moves right, slowly"),
        ("it drifts rightwards", "it drifts leftwards"),
        ("an upright box", "an upright box"),
        ("a bright leftover goes from left to right", "a bright leftover goes from right to left"),
    ],
)
def test_only_the_words_for_sides_change(told: str, turned: str) -> None:
    assert mirror.caption(told) == turned
    assert mirror.caption(turned) == told


def test_mirrored_moves_move_a_mirrored_frame_to_the_mirrored_clip() -> None:
    draw = torch.Generator().manual_seed(2)
    frame, fill = torch.rand(1, 3, 64, 64, generator=draw), torch.rand(1, 3, 64, 64, generator=draw)
    logits = 4 * torch.rand(1, 2, 64, 64, generator=draw)
    moves = torch.randn(1, 3, 8, 4, generator=draw) * torch.tensor([20.0, 20.0, 0.2, 0.4])
    centres = UNIT * torch.rand(1, 3, 2, generator=draw)
    across = torch.stack([UNIT - centres[..., 0], centres[..., 1]], -1)
    turned = Motion(logits.flip(3), fill.flip(3), torch.from_numpy(mirror.moves(moves.numpy())), across)
    clip = move(frame, Motion(logits, fill, moves, centres), 64, 64).clip
    assert (move(frame.flip(3), turned, 64, 64).clip - clip.flip(4)).abs().max() < 2e-3
    assert (move(frame.flip(3), turned._replace(moves=moves), 64, 64).clip - clip.flip(4)).abs().max() > 0.1
