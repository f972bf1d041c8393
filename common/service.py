"""What the three services' commands have in common: endpoint options, running until told to stop, saying so."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, TypeVar

import click
import zmq

from common.conventions import check_snr_db
from common.doors import INSECURE_VARIABLE, KEYS_VARIABLE, open_context
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
    # Threads that wait sleep: those that spin take the cores from each other and from the other two services. Decoding
    # a burst on two cores took 0.10 and 0.12 s instead of 0.44 and 0.28.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
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
    stopping = threading.Event()

    def stop(_signal: int, _frame: FrameType | None) -> None:
        if not stopping.is_set():
            stopping.set()
            raise _Stop

    main = threading.get_ident()
    told, tell = os.pipe()
    os.set_blocking(tell, False)

    def insist() -> None:
        # A signal that comes when the main thread is about to fall asleep in a library wakes nobody: so it comes again
        # until it was noticed.
        if os.read(told, 1):
            while not stopping.wait(0.05):
                signal.pthread_kill(main, signal.SIGTERM)
        os.close(told)

    previous = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
    previous_tell = signal.set_wakeup_fd(tell, warn_on_full_buffer=False)
    threading.Thread(target=insist, name="insist", daemon=True).start()
    try:
        yield
    except _Stop:
        pass
    finally:
        stopping.set()
        signal.set_wakeup_fd(previous_tell)
        os.close(tell)
        for number, handler in previous.items():
            signal.signal(number, handler)


def _set_keys(_context: click.Context, _parameter: click.Parameter, value: Path | None) -> None:
    # In the environment, so that child processes have them too.
    if value is not None:
        os.environ[KEYS_VARIABLE] = str(value.absolute())


keys_option = click.option(
    "--keys",
    type=click.Path(file_okay=False, path_type=Path),
    envvar=KEYS_VARIABLE,
    show_envvar=True,
    callback=_set_keys,
    expose_value=False,
    metavar="DIR",
    help="Lock and open sockets with the keys in this folder (`gvsc keys` makes them).",
)


def _set_insecure(_context: click.Context, _parameter: click.Parameter, value: bool) -> None:
    if value:
        os.environ[INSECURE_VARIABLE] = "1"


insecure_option = click.option(
    "--insecure",
    is_flag=True,
    envvar=INSECURE_VARIABLE,
    show_envvar=True,
    callback=_set_insecure,
    expose_value=False,
    help="Without keys, bind other addresses than loopback all the same: for networks where everybody is trusted.",
)

_CONTEXTS: list[zmq.Context[zmq.Socket[bytes]]] = []


def service_context(role: str) -> zmq.Context[zmq.Socket[bytes]]:
    """The ZeroMQ context of a service, with its keys where there are any. It lives as long as the process: closing a
    socket while another thread is inside it aborts in libzmq, so sockets are left to the end. Raises KeysError."""
    context = open_context(role)
    _CONTEXTS.append(context)
    return context


def printable(text: str) -> str:
    """The text with everything escaped that could move a cursor, ring a bell or turn the direction of writing: for
    words that come from a peer and go to a terminal."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def say(role: str, text: str) -> None:
    """One line of log on stderr, at most 1 000 characters of it."""
    with contextlib.suppress(OSError):  # whoever read the log has gone away: no reason to go too
        print(f"{role}: {printable(text[:1000])}", file=sys.stderr, flush=True)  # noqa: T201


class OneLineErrors(click.Command):
    """A command whose GvscError ends it with one line and exit code 1."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except GvscError as error:
            raise click.ClickException(printable(str(error))) from None
