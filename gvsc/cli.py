"""The ``gvsc`` command. Subcommands are imported when they are used, so that ``gvsc channel`` never loads torch."""

from __future__ import annotations

import importlib
from typing import Final

import click

import gvsc

# name: (module with a click command called ``command``, one line of help)
_COMMANDS: Final = {
    "demo": ("gvsc.commands.demo", "Start the three services, send real clips, turn the SNR, write pictures."),
    "simulate": ("gvsc.commands.simulate", "Send one clip through the whole link in one process."),
    "transmit": ("transmitter.command", "Run the transmitter service."),
    "channel": ("channel.command", "Run the channel service."),
    "receive": ("receiver.command", "Run the receiver service."),
    "control": ("gvsc.commands.control", "Read and turn the live settings of a running service."),
    "health": ("gvsc.commands.health", "Tell whether a service is bound and has loaded its models."),
    "inspect": ("gvsc.commands.inspect", "Look at the symbol traffic of a running channel."),
    "keys": ("gvsc.commands.keys", "Make the keys that lock the sockets."),
    "extract": ("gvsc.commands.extract", "Write what the transmitter understands of a clip: sketches and text."),
    "bench": ("gvsc.commands.bench", "Measure speed, memory and error rates."),
    "train": ("gvsc.commands.train", "Fetch training data, prepare it, train codecs and the generator mini."),
    "models": ("gvsc.commands.models", "List all models; fetch and verify their weights."),
}


class _LazyGroup(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        found: click.Command = importlib.import_module(_COMMANDS[cmd_name][0]).command
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_, summary) in _COMMANDS.items()])


@click.command(cls=_LazyGroup)
@click.version_option(gvsc.__version__, prog_name="gvsc")
def main() -> None:
    """Generative video semantic communication, simulated end to end.

    A transmitter turns a clip into complex symbols, a channel adds noise that you can turn while it runs, a receiver
    lets a diffusion model rebuild the video. Results go to stdout, logs to stderr; exit codes are 0, 1 (failed) and
    2 (wrong usage).
    """
