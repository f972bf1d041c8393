from __future__ import annotations

import json
import subprocess
import sys
from functools import partial

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.numpy import load_file, save_file
from scipy import ndimage

from gvsc.training import prepare, prepared, sketches
from gvsc.training.fetch import FetchError
from gvsc.training.photos import PHOTO_SIDES, SIDE_WEIGHTS, Crops, augment, load_crops, validation_pictures
from gvsc.training.prepared import PreparedError, load, pyramid


def picture(seed, *shape):
    rough = np.random.default_rng(seed).normal(size=(*shape, 3))
    smooth = ndimage.gaussian_filter(rough, (4, 4, 0))
    return np.clip(127 + 600 * smooth, 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A small data folder: two photos to train on, one held out, three shots, sketches."""
    data = tmp_path_factory.mktemp("data")
    for split, name, seed in (("train", "a", 1), ("train", "b", 2), ("val", "c", 3)):
        (data / "photos" / split).mkdir(parents=True, exist_ok=True)
        for side, pixels in pyramid(picture(seed, 400, 520)).items():
            np.save(data / "photos" / split / f"{name}.{side}.npy", pixels)
    for split, names in (
        ("train", ["film-001-00002-0", "film-001-00014-0", "film-001-00026-0", "film-002-00100-0"]),
        ("val", ["film-007-00300-0"]),
    ):
        clips = np.stack([np.stack([picture(len(split) + i, 256, 256)] * 8) for i in range(len(names))])
        np.save(data / f"clips-{split}.npy", clips)
        (data / f"clips-{split}.json").write_text(json.dumps(names))
    return data


@pytest.fixture(scope="module")
def file(folder, tmp_path_factory):
    made = tmp_path_factory.mktemp("prepared") / "prepared.safetensors"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sketches, "HELD_OUT_CROPS", 2)
        sketches.draw(folder, 3, lambda done, total: None)
    prepare.prepare(folder, made, packed(folder), sketches=3, advance=lambda what, done, total: None)
    return made


def packed(folder):
    return prepare.pack(folder, clips=60, advance=lambda what, done, total: None)


def psnr_of_all(first, second):
    return min(prepare.psnr_db(a, b) for a, b in zip(first, second, strict=True))


def test_it_gives_the_pictures_that_the_folder_gives(folder, file):
    read, original = load(file), load_crops(folder)
    crops = read.crops()
    assert crops.photos.keys() == original.photos.keys() == {"a", "b"}
    for name, sides in crops.photos.items():
        assert sides.keys() == original.photos[name].keys() == {256, 320, 400}
        assert psnr_of_all(sides.values(), original.photos[name].values()) >= 38.0
    assert read.names["clips"] == ["film-001-00014-0", "film-002-00100-0"]
    assert read.clips().shape == (2, 8, 256, 256, 3)
    assert psnr_of_all(read.clips().reshape(-1, 256, 256, 3), original.clips[[1, 3]].reshape(-1, 256, 256, 3)) >= 38.0
    assert crops.draw(128, np.random.default_rng(0)).shape == (128, 128, 3)
    assert crops.batch(2, 64, np.random.default_rng(0)).shape == (2, 3, 64, 64)


def test_held_out_pictures_are_the_very_same(folder, file):
    assert torch.equal(load(file).held_out_pictures(), validation_pictures(folder))


def test_no_held_out_picture_is_among_the_training_ones(file):
    read = load(file)
    trained_on = {blob for name in ("photos", "clips", "sketches") for blob in read.sections[name]}
    held_out = {
        blob for name in ("held_out_pictures", "held_out_clips", "held_out_sketches") for blob in read.sections[name]
    }
    assert trained_on
    assert held_out
    assert not trained_on & held_out
    assert not {*read.names["clips"]} & {*read.names["held_out_clips"]}


def test_sketches_are_those_that_were_drawn(folder, file):
    for read, split in ((load(file).sketches(), "train"), (load(file).held_out_sketches(), "val")):
        drawn = np.load(folder / "sketches" / f"{split}.npy")
        assert read.shape == drawn.shape
        assert psnr_of_all(read, drawn) >= 35.0
        assert drawn.max() > 50


def test_drawing_goes_on_where_it_was_stopped_with_the_same_sketches(folder, file, monkeypatch):
    drawn = np.load(folder / "sketches" / "train.npy")
    np.save(folder / "sketches" / "train.npy", np.concatenate([drawn[:1], np.zeros_like(drawn[:1])]))
    monkeypatch.setattr(sketches, "HELD_OUT_CROPS", 2)
    sketches.draw(folder, 3, lambda done, total: None)
    again = np.load(folder / "sketches" / "train.npy")
    assert np.array_equal(again[2], drawn[2])
    assert not again[1].any()  # kept, not drawn again
    np.save(folder / "sketches" / "train.npy", drawn)


def altered(file, tmp_path, metadata=None, **tensors):
    with safe_open(file, "np") as stored:
        about = json.loads(stored.metadata()["gvsc"])
    made = tmp_path / "altered.safetensors"
    save_file(load_file(file) | tensors, made, {"gvsc": json.dumps(about | (metadata or {}))})
    return made


def test_what_is_damaged_or_of_another_version_is_refused(file, tmp_path):
    photos = load_file(file)["photos"].copy()
    photos[1000] ^= 1
    with pytest.raises(PreparedError, match="photos have another SHA-256"):
        load(altered(file, tmp_path, photos=photos))
    with pytest.raises(PreparedError, match="photos have another SHA-256"):
        load(altered(file, tmp_path, **{"photos.ends": np.array([10**9, 5])}))
    with pytest.raises(PreparedError, match="format 99"):
        load(altered(file, tmp_path, {"format": 99}))
    with pytest.raises(PreparedError, match="names do not fit"):
        load(altered(file, tmp_path, {"names": {"photos": ["a"], "clips": [], "held_out_clips": []}}))
    cut = tmp_path / "cut.safetensors"
    cut.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(PreparedError, match="damaged"):
        load(cut)
    cut.write_bytes(b"")
    with pytest.raises(PreparedError, match="damaged"):
        load(cut)
    with pytest.raises(PreparedError, match="gvsc train fetch"):
        load(tmp_path / "none")


def test_a_file_that_would_be_too_large_is_not_written(file, tmp_path, monkeypatch):
    monkeypatch.setattr(prepared, "LARGEST_BYTES", 10_000)
    with pytest.raises(PreparedError, match="fewer sketches"):
        prepared.write(tmp_path / "large", load(file))
    assert list(tmp_path.iterdir()) == []


def test_too_many_sketches_are_refused_when_the_first_are_drawn(folder, file, tmp_path, monkeypatch):
    """By the size that those few tell of: in the middle between room for ten sketches and for twenty, twenty are too
    many, and ten are not."""
    drawn = {split: np.load(folder / "sketches" / f"{split}.npy") for split in ("train", "val")}
    known = load(file).sections
    each = np.mean([len(blob) for blob in known["sketches"]])
    others = sum(len(blob) for name, blobs in known.items() if name != "sketches" for blob in blobs)
    monkeypatch.setattr(prepare, "LARGEST_BYTES", others + 15 * each)
    judge = packed(folder).judge
    judge(tmp_path / "x", 10, drawn["val"], drawn["train"])
    with pytest.raises(PreparedError, match=r"x would have about .* take at most \d+ sketches or fewer clips"):
        judge(tmp_path / "x", 20, drawn["val"], drawn["train"])

    def refuse(held_out, first):
        assert len(held_out) == len(drawn["val"])
        assert len(first) == 4
        raise PreparedError("too many")

    monkeypatch.setattr(sketches, "HELD_OUT_CROPS", 2)
    monkeypatch.setattr(sketches, "JUDGED", 4)
    with pytest.raises(PreparedError, match="too many"):
        sketches.draw(folder, 1_000_000, lambda done, total: None, refuse)
    again = np.load(folder / "sketches" / "train.npy")
    np.save(folder / "sketches" / "train.npy", drawn["train"])
    assert np.array_equal(again[:3], drawn["train"])
    assert len(again) == 4


def test_no_sketches_at_all(folder, tmp_path, monkeypatch):
    for split in ("photos", "clips-train.json", "clips-train.npy", "clips-val.json", "clips-val.npy"):
        (tmp_path / split).symlink_to(folder / split)
    monkeypatch.setattr(sketches, "HELD_OUT_CROPS", 1)
    sketches.draw(tmp_path, 0, lambda done, total: None, partial(packed(folder).judge, tmp_path / "x", 0))
    made = prepare.prepare(tmp_path, tmp_path / "x", packed(folder), sketches=0, advance=lambda *state: None)
    assert load(tmp_path / "x").sketches().shape == (0, 256, 256)
    assert len(made.sections["held_out_sketches"]) > 0


def test_a_folder_that_lacks_something_is_told(tmp_path):
    with pytest.raises(FetchError, match="gvsc train fetch"):
        prepare.pack(tmp_path, clips=1, advance=lambda *state: None)


def test_more_sketches_than_there_are_is_told(folder, file, tmp_path):
    with pytest.raises(FetchError, match=r"has \d sketches, not 9"):
        prepare.prepare(folder, tmp_path / "x", packed(folder), sketches=9, advance=lambda *state: None)
    assert not (tmp_path / "x").exists()


def test_the_same_file_is_made_again(folder, file, tmp_path):
    prepare.prepare(folder, tmp_path / "again", packed(folder), sketches=3, advance=lambda *state: None)
    assert (tmp_path / "again").read_bytes() == file.read_bytes()


def test_reading_needs_little_more_than_torch(file):
    program = (
        "import sys, pathlib; from gvsc.training.prepared import load; "
        f"load(pathlib.Path({str(file)!r})).crops(); "
        "print(*sorted({m.split('.')[0] for m in sys.modules} - sys.stdlib_module_names))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    heavy = {"av", "click", "cv2", "matplotlib", "msgpack", "numba", "rich", "scipy", "skimage", "transformers", "zmq"}
    assert not heavy & set(done.stdout.split())
    assert {"torch", "safetensors", "PIL"} <= set(done.stdout.split())


def test_a_quality_is_found_that_keeps_the_picture():
    noisy = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    smooth = picture(5, 64, 64)
    assert len(prepare.jpeg(noisy, 40.0)) > 1.5 * len(prepare.jpeg(noisy, 10.0))
    assert prepare.psnr_db(smooth, prepared.decode(prepare.jpeg(smooth, 40.0))) >= 40.0
    assert np.array_equal(prepared.decode(prepare.png(noisy)), noisy)


def test_shots_are_chosen_evenly():
    names = [f"film-{shot:03d}-{frame:05d}-0" for shot in range(10) for frame in range(3)]
    assert prepare.choose(names, 99) == list(range(1, 30, 3))
    assert prepare.choose(names, 4) == [1, 10, 19, 28]


def test_every_size_of_a_photo_is_there_and_none_is_enlarged():
    sizes = pyramid(picture(0, 512, 700))
    assert list(sizes) == [256, 320, 400, 512]
    assert all(min(pixels.shape[:2]) == side for side, pixels in sizes.items())
    assert tuple(SIDE_WEIGHTS) == PHOTO_SIDES


def test_crops_are_augmented_within_range_and_repeatable():
    photo = picture(1, 256, 300)
    crops = Crops({"a": {256: photo}}, None)
    batch = crops.batch(6, 64, np.random.default_rng(2))
    assert batch.shape == (6, 3, 64, 64)
    assert 0.0 <= batch.min() <= batch.max() <= 1.0
    assert torch.equal(batch, crops.batch(6, 64, np.random.default_rng(2)))
    assert not torch.equal(augment(photo, np.random.default_rng(0)), augment(photo, np.random.default_rng(1)))
