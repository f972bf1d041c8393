"""The prepared file and the pool that is unfolded from it."""

from __future__ import annotations

import fcntl
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file

from gvsc.training.generator import mirror, pool, source, tensors
from gvsc.training.generator.pool import Pool
from gvsc.training.generator.received import Link
from gvsc.training.generator.rendered import rendered
from gvsc.training.generator.source import Source
from gvsc.training.generator.words import NO_TEXT, Words
from gvsc.training.prepared import PreparedError
from receiver.generators.mini.move import move
from receiver.generators.mini.mover import Motion


def quiet(what: str, done: int, total: int) -> None: ...


def test_the_file_gives_back_what_was_put_in(small_source: Source, small_file: Path) -> None:
    read = source.load(small_file)
    for name in ("photos", "backdrops", "captions", "seed", "sketched", "crops", "about", "clip_names"):
        assert getattr(read, name) == getattr(small_source, name)
    assert list(read.clips) == list(small_source.clips)
    for name in ("world_texts", "clip_texts", "photo_texts"):
        assert np.array_equal(getattr(read, name), getattr(small_source, name))
    assert np.array_equal(read.words.values, small_source.words.values)
    assert all(np.array_equal(mine, theirs) for mine, theirs in zip(read.axes, small_source.axes, strict=True))
    assert read.clip(1).shape == (8, 256, 256, 3)


def test_a_damaged_or_foreign_file_is_told(small_source: Source, small_file: Path, tmp_path: Path) -> None:
    blob = bytearray(small_file.read_bytes())
    blob[-5] ^= 1
    damaged = tmp_path / "damaged.safetensors"
    damaged.write_bytes(blob)
    with pytest.raises(PreparedError, match="SHA-256"):
        source.load(damaged)
    damaged.write_bytes(blob[:100])
    with pytest.raises(PreparedError, match="damaged"):
        source.load(damaged)
    with pytest.raises(PreparedError, match="prepare-mini"):
        source.load(tmp_path / "none")
    with pytest.raises(ValueError, match="axes' basis"):
        small_source.axes._replace(basis=small_source.axes.basis[1:]).check()
    with pytest.raises(ValueError, match="axes' scale"):
        small_source.axes._replace(scale=-small_source.axes.scale).check()


def test_words_are_off_by_less_than_a_hundredth_of_their_range() -> None:
    rng = np.random.default_rng(0)
    texts = [rng.normal(size=(length, 5)).astype(np.float32) * [1, 2, 0.01, 50, 1] for length in (3, 0, 7)]
    words = Words.packed([text.astype(np.float32) for text in texts])
    assert len(words) == 3
    for number, text in enumerate(texts):
        assert (np.abs(words[number] - text) <= 0.51 * words.step).all()
    text, mask = words.batch([2, NO_TEXT, 0])
    assert text.shape == (3, 7, 5)
    assert mask.sum(1).tolist() == [7.0, 0.0, 3.0]
    assert torch.equal(text[2, :3], torch.from_numpy(words[0]))
    assert not text[1].any()


def test_tables_written_row_by_row_are_what_the_library_reads(tmp_path: Path) -> None:
    file = tmp_path / "t.safetensors"
    arrays = tensors.create(
        file, {"a": ((3, 2), "u1"), "b": ((2,), "i4"), "c": ((2, 3), "f2"), "d": ((0, 4), "f4")}, {"k": "v"}
    )
    arrays["a"][1], arrays["b"][:], arrays["c"][1] = (7, 255), (-1, 5), 0.5
    for array in arrays.values():
        getattr(array, "flush", lambda: None)()
    theirs, (mine, about) = load_file(file), tensors.read(file)
    assert about == {"k": "v"}
    for name, array in arrays.items():
        assert np.array_equal(array, theirs[name])
        assert np.array_equal(array, mine[name])


@pytest.fixture
def one_clip(small_source: Source) -> Source:
    """One rendered clip with sketches, no photos, and axes that no fit gives: all of them turned round."""
    few = replace(
        small_source, photos={}, backdrops={}, photo_texts=np.empty(0, np.int32), clips=[], clip_names=[],
        clip_texts=np.empty(0, np.int32), sketched=1, axes=small_source.axes._replace(basis=-small_source.axes.basis),
    )  # fmt: skip
    told = few.world({})[0].caption
    return replace(
        few,
        captions=[told, mirror.caption(told)],
        words=Words.packed([np.ones((1, 6), np.float32)] * 2),
        world_texts=np.array([[0, 1]], np.int32),
    )


def test_the_pool_is_unfolded_once_for_each_file_and_its_weights(
    one_clip: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "few.safetensors"
    source.write(file, one_clip)
    first = pool.load(file, quiet)
    assert len(first["pairs.row"]) == 2
    assert np.array_equal(first["latent.basis"], one_clip.axes.basis)
    picture = torch.from_numpy(first["pairs.picture"][:1]).permute(0, 3, 1, 2).float() / 255
    assert np.abs(one_clip.axes.latent().encode(picture)[0].numpy() - first["world.latents"][0, 0]).max() < 0.01
    unfold, unfolded = pool.unfold, []

    def counted(of: Source, into: Path, about: Mapping[str, str], advance: pool.Advance) -> None:
        unfolded.append(about["weights"])
        unfold(of, into, about, advance)

    monkeypatch.setattr(pool, "unfold", counted)
    pool.load(file, quiet)
    assert unfolded == []
    monkeypatch.setattr(Link, "version", lambda: "other weights")
    pool.load(file, quiet)
    assert unfolded == ["other weights"]
    monkeypatch.setattr(pool, "FORMAT", "mini pool 0")
    pool.load(file, quiet)
    assert len(unfolded) == 2
    source.write(file, replace(one_clip, captions=["another", "text"]))
    with pytest.raises(PreparedError, match="world has changed"):
        pool.load(file, quiet)
    assert list(tmp_path.glob(".partial*")) == []


def test_two_processes_do_not_unfold_the_same_file(
    one_clip: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "few.safetensors"
    source.write(file, one_clip)
    with pool._locked(pool.beside(file)), pytest.raises(PreparedError, match="another process is writing"):
        pool.load(file, quiet)
    lock, unfold = fcntl.flock, pool.unfold

    def late(held: object, how: int) -> None:
        """The other process was done just before."""
        unfold(source.load(file), pool.beside(file), about, quiet)
        lock(held, how)

    about = {"of": pool.digest_of(file).sha256, "format": pool.FORMAT, "weights": Link.version()}
    monkeypatch.setattr(pool.fcntl, "flock", late)
    monkeypatch.setattr(pool, "unfold", lambda *given: pytest.fail("unfolded again"))
    assert len(pool.load(file, quiet)["pairs.row"]) == 2


def test_rows_are_what_they_are_called(small_source: Source, small_pool: Pool) -> None:
    made = rendered(small_source.world(small_source.pictures()), 3)
    latent = small_source.axes.latent()
    video = torch.from_numpy(made.video).permute(0, 3, 1, 2).float() / 255
    stored = torch.from_numpy(small_pool["world.latents"][3].astype(np.float32))
    assert (latent.encode(video) - stored).abs().max() < 0.01
    assert (latent.scale.square() - small_pool.deviation * small_pool.deviation.mean()).abs().max() < 1e-5
    for name in ("frame", "masks", "behind", "moves"):
        assert np.array_equal(small_pool[f"world.{name}"][3], getattr(made, name))
    assert small_pool["clips.turns"].tolist() == [0, 1]  # "left" is in the first one's caption
    assert [len(small_pool.pairs(kind)) for kind in ("world", "clips", "crops")] == [4, 2, 2]
    assert small_pool["pairs.row"].tolist() == [4, 4, 5, 5, 0, 1, 0, 1]
    assert small_pool["pairs.frame"][0] == 0 < small_pool["pairs.frame"][1]
    pictures = small_pool["pairs.picture"]
    place, row, frame = 3, int(small_pool["pairs.row"][3]), int(small_pool["pairs.frame"][3])
    assert np.array_equal(pictures[place], rendered(small_source.world(small_source.pictures()), row).video[frame])
    noisiest, cleanest = (int(pick(small_pool["pairs.snr_db"])) for pick in (np.argmin, np.argmax))
    lines, received = (small_pool[f"pairs.{name}"].astype(float) for name in ("sketch", "received"))
    off = np.abs(lines - received).mean((1, 2)) / (lines.mean((1, 2)) + 1)
    assert off[noisiest] > off[cleanest]


def test_rendered_parts_move_as_told(small_source: Source) -> None:
    """The first frame moved along the true motion comes nearer to the clip than the first frame does."""
    world = small_source.world(small_source.pictures())
    gained = []
    for number in range(6):
        made = rendered(world, number)
        masks = torch.from_numpy(made.masks).float()[None] / 255
        logits = (masks.clamp(1e-3, 1 - 1e-3) / (1 - masks).clamp(1e-3)).log()
        poses = [
            np.average(np.argwhere(mask > 0) * 4.0 + 2.0, axis=0)[::-1] if mask.any() else (128, 128)
            for mask in made.masks
        ]
        centres = torch.tensor(np.array([(128.0, 128.0), *poses]), dtype=torch.float32)[None]
        fill = torch.from_numpy(made.behind).permute(2, 0, 1)[None].float() / 255
        video = torch.from_numpy(made.video).permute(0, 3, 1, 2)[None].float() / 255
        small = torch.nn.functional.interpolate(video[0], (64, 64), mode="area")[None]
        clip = move(small[:, 0], Motion(logits, fill, torch.from_numpy(made.moves)[None], centres), 64, 64).clip
        gained.append(float((small[:, :1] - small).square().mean() / (clip - small).square().mean()))
    assert np.median(gained) > 1.5


def test_what_is_behind_is_the_frame_where_nothing_is_before(small_source: Source) -> None:
    made = rendered(small_source.world(small_source.pictures()), 1)
    free = made.masks.max(0) == 0
    small = made.frame.reshape(64, 2, 64, 2, 3).mean((1, 3))
    inside = np.asarray(free)[1:-1, 1:-1]
    assert np.abs(small - made.behind)[1:-1, 1:-1][inside].mean() < 4.0
