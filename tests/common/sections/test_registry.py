"""What the registry of sections refuses: names that mean something else, and options that commands could not take."""

from __future__ import annotations

from collections.abc import Callable

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

Make = Callable[..., type[Section]]


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
