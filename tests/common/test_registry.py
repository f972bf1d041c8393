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
    for name in [name for name in sys.modules if name.partition(".")[0] in ("fruit", "orchard", "nuts", "grove")]:
        del sys.modules[name]
    return folder


def registry() -> Registry[type]:
    from fruit.base import FRUIT  # type: ignore[import-not-found]

    found: Registry[type] = FRUIT
    return found


def distribution(package: Path, points: str, module: str, name: str = "orchard") -> None:
    """Installs a distribution beside the package, with these entry points and one module of its name."""
    info = package.parent / f"{name}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[test.fruit]\n{points}\n")
    (package.parent / f"{name}.py").write_text(module)


def second_registry(package: Path) -> Registry[type]:
    """A package `nuts` with a registry like that of fruit, and one entry, `hazel`."""
    folder = package.parent / "nuts"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "base.py").write_text(
        "from common.registry import Registry\nNUTS = Registry('nut', 'nuts', 'test.nuts')\n"
    )
    (folder / "hazel.py").write_text(
        "from nuts.base import NUTS\n\n@NUTS.register('hazel', 'round')\nclass Hazel: ...\n"
    )
    found: Registry[type] = importlib.import_module("nuts.base").NUTS
    return found


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


APPLE = "from fruit.base import FRUIT\n\n@FRUIT.register('apple', 'red')\nclass Apple: ...\n"


def test_the_tree_wins_against_a_plug_in_that_registers_before_the_tree_is_searched(package: Path) -> None:
    nuts = second_registry(package)
    distribution(
        package,
        "apple = orchard",
        f"{APPLE}\nfrom nuts.base import NUTS\n\n@NUTS.register('hazel', 'another', default=True)\nclass Hazel: ...\n",
    )
    assert registry().names() == ("quince", "pear")  # the plug-in fails with its second name, and nothing of it stays
    (broken,) = registry().broken
    assert broken.reason == "there is a nut 'hazel' already, from gvsc"
    assert (nuts.names(), nuts.entry("hazel").summary, nuts.entry("hazel").origin) == (("hazel",), "round", OWN)


def test_a_module_that_registers_in_two_registries_is_of_its_distribution_in_both(package: Path) -> None:
    nuts = second_registry(package)
    distribution(
        package,
        "apple = orchard",
        f"{APPLE}\nfrom nuts.base import NUTS\n\n@NUTS.register('walnut', 'large', default=True)\nclass Walnut: ...\n",
    )
    assert registry().names() == ("quince", "pear", "apple")
    assert nuts.names() == ("hazel", "walnut")
    assert (nuts.entry("walnut").origin, nuts.entry("walnut").default) == ("orchard", False)
    with pytest.raises(SettingError, match="no nut is the default"):
        _ = nuts.default


@pytest.mark.parametrize("value", ["object()", "max", "__import__('functools').partial(int)"])
def test_a_plug_in_that_is_imported_first_is_of_its_distribution_whatever_it_registers(
    package: Path, value: str
) -> None:
    distribution(
        package,
        "apple = orchard",
        f"from fruit.base import FRUIT\nFRUIT.register('apple', 'red', default=True)({value})\n",
    )
    importlib.import_module("orchard")
    assert registry().names() == ("quince", "pear", "apple")
    assert (registry().entry("apple").origin, registry().entry("apple").module) == ("orchard", "orchard")
    assert registry().default == "quince"
    assert registry().broken == ()


def test_a_module_of_the_tree_that_a_plug_in_imports_is_of_the_tree(package: Path) -> None:
    distribution(package, "apple = orchard", f"import fruit.quince\n{APPLE}")
    importlib.import_module("orchard")
    assert (registry().default, registry().entry("quince").origin) == ("quince", OWN)


def test_a_module_of_the_tree_that_does_not_import_is_told_each_time(package: Path) -> None:
    module = package / "plum.py"
    module.write_text(
        "from fruit.base import FRUIT\n\n@FRUIT.register('plum', 'blue')\nclass Plum: ...\nraise ValueError('unripe')\n"
    )
    for _ in range(2):
        with pytest.raises(ValueError, match="unripe"):
            registry().names()
    module.write_text(module.read_text().replace("raise ValueError('unripe')", "STONE = True"))
    importlib.invalidate_caches()
    assert registry().names() == ("quince", "pear", "plum")


@pytest.mark.parametrize(
    ("module", "reason"),
    [
        ("import fruit.base\n", "orchard registers no fruit"),
        ("raise SystemExit(3)\n", "SystemExit: 3"),
        (f"{APPLE}raise ValueError('unripe')\n", "ValueError: unripe"),
    ],
)
def test_what_registers_nothing_or_ends_the_program_is_broken(package: Path, module: str, reason: str) -> None:
    distribution(package, "apple = orchard", module)
    assert registry().names() == ("quince", "pear")
    assert [broken.reason for broken in registry().broken] == [reason]


def test_an_interrupt_is_no_broken_plug_in(package: Path) -> None:
    distribution(package, "apple = orchard", "raise KeyboardInterrupt\n")
    with pytest.raises(KeyboardInterrupt):
        registry().names()


def test_two_distributions_may_have_a_broken_plug_in_of_one_name(package: Path) -> None:
    distribution(package, "apple = orchard", "raise ValueError('unripe')\n")
    distribution(package, "apple = grove", "raise ValueError('eaten')\n", "grove")
    assert {(broken.origin, broken.reason) for broken in registry().broken} == {
        ("orchard", "ValueError: unripe"),
        ("grove", "ValueError: eaten"),
    }
    with pytest.raises(SettingError, match=r"(?s)unripe.*eaten|eaten.*unripe"):
        registry()["apple"]
