from __future__ import annotations

import click
import pytest
from click.testing import CliRunner

from common.service import OneLineErrors
from receiver.generator_options import generator_options
from receiver.generators import GeneratorOptions


@pytest.fixture
def run():
    """Runs a command that has the options, and gives what its function got."""
    got = []

    @click.command(cls=OneLineErrors)
    @click.option("--model")
    @generator_options
    @click.option("--steps", type=int)
    def command(model, settings, steps):
        got.append((model, settings, steps))

    def invoke(*arguments: str, **environment: str):
        done = CliRunner().invoke(command, arguments, env=environment)
        return got.pop() if done.exit_code == 0 else done.output

    return invoke


def test_the_defaults_are_those_of_the_options(run):
    assert run() == (None, GeneratorOptions(), None)


def test_all_that_is_said_arrives_and_other_options_are_left_alone(run):
    words = "--generator-model sd35=/a --generator-model rgb=/b --device cuda:1 --precision float16 --offload model"
    more = "--generator-side 512 --chain wan-vace --guidance-form literal --model other --steps 3"
    expected = GeneratorOptions(("sd35=/a", "rgb=/b"), "cuda:1", "float16", "model", 512, "wan-vace", "literal")
    assert run(*words.split(), *more.split()) == ("other", expected, 3)


def test_the_environment_sets_them_too(run):
    _, settings, _ = run(GVSC_GENERATOR_MODEL="sd35=/a rgb=/b", GVSC_DEVICE="cpu", GVSC_CHAIN="animatediff-sparsectrl")
    assert (settings.model, settings.device, settings.chain) == (("sd35=/a", "rgb=/b"), "cpu", "animatediff-sparsectrl")


def test_a_wrong_device_is_told_in_one_line(run):
    assert run("--device", "tpu") == "Error: a device is auto, cpu, cuda or cuda:N, not 'tpu'\n"
