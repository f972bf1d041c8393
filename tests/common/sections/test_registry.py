"""What the registry of sections refuses: names that mean something else, and options that commands could not take."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import click
import numpy as np
import pytest
from click.testing import CliRunner

from common.errors import SettingError
from common.knobs import Knob
from common.sections import SECTIONS
from common.sections.base import (
    RESERVED_OPTIONS,
    Arrived,
    Encoded,
    Observation,
    Option,
    Options,
    Section,
    Slot,
    Sources,
    encoder_options,
    register,
)
from transmitter.command import encoder_option_flags

pytestmark = pytest.mark.usefixtures("open_registries")

ROOT = Path(__file__).resolve().parents[3]


def section(called: str, *declared: Option) -> type[Section]:
    class Bare(Section):
        name = called
        kind = "bits"
        modality = "motion"
        condition = "motion"
        options = declared

        def symbols(self, slot: Slot) -> int:
            return 0

        def extract(self, sources: Sources) -> None:
            return None

        def encode(self, content: object, tx_snr_db: float, slot: Slot, options: Options) -> Encoded:
            return Encoded(np.zeros(0, np.complex64))

        def decode(self, observation: Observation, slot: Slot) -> Arrived:
            return self.arrived(None)

    return Bare


@pytest.mark.parametrize("name", ["pilots", "header", "samples", "generator", "symbols"])
def test_names_that_mean_something_else_are_refused(name: str) -> None:
    with pytest.raises(SettingError, match=f"cannot be called '{name}'"):
        register("of a test")(section(name))
    assert name not in SECTIONS


def test_one_option_is_shared_only_where_it_is_the_same() -> None:
    grain = Option(Knob("grain", "how fine", low=0, high=9), 3.0)
    register("of a test")(section("one", grain))
    register("of a test")(section("two", Option(Knob("grain", "how fine", low=0, high=9), 3.0)))
    with pytest.raises(SettingError, match="section 'three': there is another option 'grain'"):
        register("of a test")(section("three", Option(Knob("grain", "how fine", low=0, high=9), 4.0)))
    assert encoder_options()["grain"] == grain
    assert "three" not in SECTIONS


@pytest.mark.parametrize(
    "name", ["scheme", "tx_snr_db", "paused", "window", "threads", "keys", "seed", "My-Option", ""]
)
def test_options_that_commands_could_not_take_are_refused(name: str) -> None:
    with pytest.raises(SettingError, match=f"option cannot be called '{name}'"):
        register("of a test")(section("one", Option(Knob(name, "of a test"), 1.0)))


def test_a_default_that_the_option_does_not_take_is_refused() -> None:
    with pytest.raises(SettingError, match="grain must be a number"):
        register("of a test")(section("one", Option(Knob("grain", "how fine", low=0, high=9), 10.0)))
    with pytest.raises(SettingError, match="grain must be a number"):
        register("of a test")(section("one", Option(Knob("grain", "how fine"), None)))


def test_an_option_may_be_automatic() -> None:
    register("of a test")(section("one", Option(Knob("grain", "how fine", low=0, high=9, auto=True), None)))
    taken = []

    @click.command()
    @encoder_option_flags
    def command(options: dict[str, object]) -> None:
        taken.append(options["grain"])

    for words in ([], ["--grain", "auto"], ["--grain", "4"]):
        done = CliRunner().invoke(command, words)
        assert done.exit_code == 0, done.output
    assert taken == [None, None, 4.0]
    assert "default: auto" in CliRunner().invoke(command, ["--help"]).output
    assert CliRunner().invoke(command, ["--grain", "10"]).exit_code == 2


def test_every_name_that_a_command_uses_beside_the_encoders_options_is_reserved() -> None:
    from channel.channel import start_options
    from gvsc.commands.simulate import command as simulate
    from transmitter.command import command as transmit
    from transmitter.extract.base import EXTRACTORS

    free = {*encoder_options(), *(option.key for option in (*start_options(), *EXTRACTORS.start_options()))}
    for command in (transmit, simulate):
        for parameter in command.params:
            flags = {flag.lstrip("-").replace("-", "_") for flag in parameter.opts if flag.startswith("--")}
            assert {str(parameter.name), *flags} - free <= RESERVED_OPTIONS, parameter.name


PLUG_IN = """
from common.knobs import Knob
from common.sections import SECTIONS
from common.sections.base import Option, register

@register("of a plug-in")
class Bad(type(SECTIONS["description"])):
    name = "bad"
    options = (Option(Knob("window", "of a test"), 1.0),)
"""

PROGRAM = """
from click.testing import CliRunner
from gvsc.cli import main
for words in (["transmit", "--help"], ["simulate", "--help"], ["models", "list"]):
    done = CliRunner().invoke(main, words)
    print(done.exit_code, "section 'bad'" in done.stderr)
"""


def test_a_plug_in_with_such_a_section_is_broken_and_the_commands_work(tmp_path: Path) -> None:
    info = tmp_path / "orchard-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: orchard\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[gvsc.sections]\nbad = bad_orchard\n")
    (tmp_path / "bad_orchard.py").write_text(PLUG_IN)
    places = os.pathsep.join((str(ROOT), str(tmp_path)))
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": places},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.splitlines() == ["0 False", "0 False", "0 True"], done.stderr
