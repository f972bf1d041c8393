"""Registries: entries of the tree, plug-ins by entry point, and what is wrong with them."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest

from common.errors import SettingError
from common.registry import OWN, Registry


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package `fruit` whose modules register themselves in the registry of its module `base`."""
    folder = tmp_path / "fruit"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "base.py").write_text(
        "from common.registry import Registry\nFRUIT = Registry('fruit', 'fruit', 'test.fruit')\n"
    )
    (folder / "pear.py").write_text(
        "from fruit.base import FRUIT\n\n@FRUIT.register('pear', 'green', colour='green')\nclass Pear: ...\n"
    )
    (folder / "quince.py").write_text(
        "from fruit.base import FRUIT\n\n@FRUIT.register('quince', 'sour', default=True)\nclass Quince: ...\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    for name in [name for name in sys.modules if name.partition(".")[0] in ("fruit", "orchard")]:
        del sys.modules[name]
    return folder


def registry() -> Registry[type]:
    from fruit.base import FRUIT  # type: ignore[import-not-found]

    found: Registry[type] = FRUIT
    return found


def distribution(package: Path, points: str, module: str) -> None:
    """Installs a distribution `orchard` beside the package, with these entry points and one module."""
    info = package.parent / "orchard-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: orchard\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[test.fruit]\n{points}\n")
    (package.parent / "orchard.py").write_text(module)


def test_modules_of_the_package_register_themselves_and_the_default_comes_first(package: Path) -> None:
    assert registry().names() == ("quince", "pear")
    assert registry().default == "quince"
    entry = registry().entry("pear")
    assert (entry.item.__name__, entry.summary, entry.origin) == ("Pear", "green", OWN)
    assert entry.traits == {"colour": "green"}


def test_nothing_is_imported_before_it_is_asked_for(package: Path) -> None:
    found = registry()
    assert "fruit.pear" not in sys.modules
    assert "pear" in found
    assert "fruit.pear" in sys.modules


def test_the_order_does_not_depend_on_which_module_was_imported_first(package: Path) -> None:
    (package / "apricot.py").write_text((package / "pear.py").read_text().replace("pear", "apricot"))
    found = registry()
    importlib.import_module("fruit.pear")
    assert found.names() == ("quince", "apricot", "pear")


def test_an_unknown_name_lists_those_there_are(package: Path) -> None:
    with pytest.raises(SettingError, match="no fruit is called 'plum'; there are: quince, pear"):
        registry()["plum"]


def test_a_plug_in_registers_from_outside_and_is_listed_last(package: Path) -> None:
    distribution(
        package,
        "apple = orchard",
        "from fruit.base import FRUIT\n\n@FRUIT.register('apple', 'red', default=True)\nclass Apple: ...\n",
    )
    assert registry().names() == ("quince", "pear", "apple")
    assert registry().entry("apple").origin == "orchard"
    assert registry().default == "quince"  # a plug-in does not become the default by being installed


@pytest.mark.parametrize(
    ("module", "reason"),
    [
        ("raise RuntimeError('no licence')", "RuntimeError: no licence"),
        ("import a_package_that_is_not_there", "No module named"),
        (
            "from fruit.base import FRUIT\n\n@FRUIT.register('pear', 'another')\nclass Pear: ...\n",
            "there is a fruit 'pear' already, from gvsc",
        ),
        (
            "from fruit.base import FRUIT\n\n@FRUIT.register('Bad Name', 'another')\nclass Bad: ...\n",
            "cannot be called 'Bad Name'",
        ),
    ],
)
def test_a_broken_plug_in_is_told_when_it_is_asked_for_and_stops_nothing_else(
    package: Path, module: str, reason: str
) -> None:
    distribution(package, "apple = orchard", module)
    assert registry().names() == ("quince", "pear")
    (broken,) = registry().broken
    assert (broken.name, broken.origin) == ("apple", "orchard")
    with pytest.raises(SettingError, match=f"the fruit 'apple' of orchard does not load: .*{reason}"):
        registry()["apple"]
