"""What the three services' commands have in common: endpoint options, running until told to stop, saying so."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, TypeVar

import click
import zmq

from common.conventions import check_snr_db
from common.endpoints import Endpoint, check_address
from common.errors import EndpointError, GvscError, SettingError

F = TypeVar("F", bound=Callable[..., Any])


def endpoint_option(endpoint: Endpoint, flag: str | None = None) -> Callable[[F], F]:
    """A click option for one address; ``flag`` names it where the endpoint's own name would be clumsy."""

    def checked(_context: click.Context, _parameter: click.Parameter, value: str) -> str:
        try:
            return check_address(value)
        except EndpointError as error:
            raise click.BadParameter(str(error)) from None

    name = flag or endpoint.name
    return click.option(
        f"--{name}",
        envvar=endpoint.environment,
        default=endpoint.default,
        show_default=True,
        show_envvar=True,
        metavar="ADDRESS",
        callback=checked,
        help=endpoint.help[0].upper() + endpoint.help[1:] + ".",
    )


class SnrOrAuto(click.ParamType):
    """An SNR in dB, or "auto" for None."""

    name = "dB|auto"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float | None:
        if value is None or value == "auto":
            return None
        try:
            return check_snr_db(value)
        except SettingError as error:
            self.fail(str(error), param, ctx)


class SnrDb(click.ParamType):
    """An SNR in dB."""

    name = "dB"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        try:
            return check_snr_db(value)
        except SettingError as error:
            self.fail(str(error), param, ctx)


def _set_threads(_context: click.Context, _parameter: click.Parameter, value: int | None) -> None:
    # The libraries read these when they are imported, which is after the options are parsed: so one setting holds for
    # torch, numpy and numba alike.
    if value is not None:
        for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"):
            os.environ[name] = str(value)


threads_option = click.option(
    "--threads",
    type=click.IntRange(1, 1024),
    envvar="GVSC_THREADS",
    show_envvar=True,
    callback=_set_threads,
    expose_value=False,
    is_eager=True,
    help="CPU threads for the models; default: all cores. Equal seeds give equal bytes for equal thread counts.",
)


class _Stop(BaseException):
    """A signal asked the process to end. Not an Exception, so that no handler of errors swallows it."""


@contextmanager
def until_stopped() -> Iterator[None]:
    """SIGTERM and SIGINT leave the block, without a traceback."""

    def stop(_signal: int, _frame: FrameType | None) -> None:
        raise _Stop

    previous = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    except _Stop:
        pass
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def service_context() -> zmq.Context[zmq.Socket[bytes]]:
    """The ZeroMQ context of a service, which lives as long as the process: closing a socket while another thread is
    inside it aborts in libzmq, so sockets are left to the end."""
    return zmq.Context.instance()


def say(role: str, text: str) -> None:
    """One line of log on stderr."""
    print(f"{role}: {text}", file=sys.stderr, flush=True)  # noqa: T201


class OneLineErrors(click.Command):
    """A command whose GvscError ends it with one line and exit code 1."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except GvscError as error:
            raise click.ClickException(str(error)) from None
