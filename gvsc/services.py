"""The three services as child processes: started, watched, asked, stopped."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final

import zmq

from common import endpoints
from common.doors import open_context
from common.endpoints import ENDPOINTS, Endpoint
from common.errors import EndpointError, GvscError
from gvsc.client import Client
from gvsc.client.stream import subscribe

ROLES: Final = ("channel", "receiver", "transmitter")


class ServiceError(GvscError):
    """A service died or does not answer."""


class Services:
    """A context manager around child processes that share a set of addresses.

    Each is known by its label, which is its role unless told otherwise: further receivers need labels of their own, and
    results and control addresses of their own. ``folder`` takes their logs, LABEL.log each.
    """

    def __init__(
        self, folder: Path, addresses: Mapping[Endpoint, str], environment: Mapping[str, str] | None = None
    ) -> None:
        self._folder = folder
        self.addresses = dict(addresses)
        self._environment = {
            **os.environ,
            **(environment or {}),
            **{endpoint.environment: address for endpoint, address in addresses.items()},
        }
        self._children: dict[str, subprocess.Popen[bytes]] = {}
        self._roles: dict[str, str] = {}
        self._own_addresses: dict[str, dict[Endpoint, str]] = {}
        self._viewers: list[zmq.Socket[bytes]] = []
        self._clients: list[Client] = []
        self.context = open_context("viewer", self._environment)

    def __enter__(self) -> Services:
        self._folder.mkdir(parents=True, exist_ok=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        for client in self._clients:
            client.close()
        for viewer in self._viewers:
            viewer.close()
        self.context.term()

    def address_of(self, place: Endpoint, label: str = "") -> str:
        """An address, of the process with that label where it has its own."""
        return self._own_addresses.get(label, {}).get(place) or self.addresses[place]

    def client(self, label: str = "") -> Client:
        """A viewer of these services, closed with them. Where several processes have the same role, it sees and asks
        the one with that label, which has been started."""
        client = self._client(label)
        self._clients.append(client)
        return client

    def _client(self, label: str) -> Client:
        return Client({**self.addresses, **self._own_addresses.get(label, {})}, context=self.context)

    def listen(self, *places: Endpoint, label: str = "") -> zmq.Socket[bytes]:
        """A bare socket that gets all that is published at these places (tap, preview, results), by the process with
        that label where several might: for who looks at messages as they are on the wire. Closed with the rest."""
        viewer = subscribe(self.context, {place: self.address_of(place, label) for place in places}, queue=4096)
        self._viewers.append(viewer)
        return viewer

    def start(
        self, role: str, *options: str, label: str | None = None, addresses: Mapping[Endpoint, str] | None = None
    ) -> int:
        """Starts ``python -m ROLE`` with these options and returns its pid. ``addresses`` are its own, in place of
        those of all."""
        label = label or role
        self._roles[label] = role
        self._own_addresses[label] = dict(addresses or {})
        own = {endpoint.environment: address for endpoint, address in self._own_addresses[label].items()}
        with (self._folder / f"{label}.log").open("ab") as log:
            child = subprocess.Popen(
                [sys.executable, "-m", role, *options],
                env={**self._environment, **own},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        self._children[label] = child
        return child.pid

    @property
    def pids(self) -> dict[str, int]:
        """Process id by label."""
        return {label: child.pid for label, child in self._children.items()}

    def kill(self, label: str) -> None:
        """kill -9: the process gets no chance to say goodbye."""
        self._children[label].kill()
        self._children[label].wait()

    def stop(self) -> None:
        """SIGTERM to all, SIGKILL to those that have not ended after five seconds."""
        for child in self._children.values():
            if child.poll() is None:
                child.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + 5.0
        for child in self._children.values():
            try:
                child.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()

    def exit_code(self, role: str) -> int | None:
        """The exit code of a service that has ended, else None."""
        return self._children[role].poll()

    def check_alive(self, roles: Sequence[str] = ROLES) -> None:
        """Raises ServiceError with the last line of its log where one of these has ended with an error."""
        for role in roles:
            code = self._children[role].poll()
            if code:
                raise ServiceError(f"the {role} ended with exit code {code}: {self.last_words(role)}")

    def last_words(self, role: str) -> str:
        """The last line that a service logged."""
        lines = (self._folder / f"{role}.log").read_text(errors="replace").strip().splitlines()
        return lines[-1] if lines else "it said nothing"

    def forget_peaks(self) -> None:
        """`peak_rss_mb` counts from now on; Linux only."""
        for child in self._children.values():
            if child.poll() is None:
                Path(f"/proc/{child.pid}/clear_refs").write_text("5")

    def peak_rss_mb(self) -> dict[str, float]:
        """The most memory that each running service has had resident so far, in MB (1e6 bytes), by role; Linux only."""
        peaks = {}
        for role, child in self._children.items():
            try:
                status = Path(f"/proc/{child.pid}/status").read_text()
            except FileNotFoundError:
                continue
            fields = dict(line.split(":", 1) for line in status.splitlines())
            if "VmHWM" in fields:  # a process that has ended has none
                peaks[role] = int(fields["VmHWM"].split()[0]) * 1024 / 1e6
        return peaks

    def ask(self, label: str, *, op: str, **fields: Any) -> dict[str, Any]:
        """One control request, for example ``ask("channel", op="set", key="snr_db", value=3)``. Raises GvscError."""
        return self._client(label).ask(self._roles.get(label, label), op, **fields)

    def wait_for(self, role: str, condition: Callable[[dict[str, Any]], bool], timeout_s: float) -> dict[str, Any]:
        """Asks for a service's status until ``condition`` holds, and returns it. Raises ServiceError."""
        deadline = time.monotonic() + timeout_s
        while True:
            self.check_alive([role])
            try:
                status = self.ask(role, op="status", timeout_s=1.0)
            except EndpointError:
                status = None
            if status is not None and condition(status):
                return status
            if time.monotonic() > deadline:
                told = "it does not answer" if status is None else f"its status is {status}"
                raise ServiceError(f"the {role} is not where it should be after {timeout_s:g} s: {told}")
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._children[role].wait(0.1)  # wakes at once if it dies


def free_addresses() -> dict[Endpoint, str]:
    """Addresses to run a set of services on: the usual ones if all are free, so that `gvsc inspect` and `gvsc control`
    find them without options, else sockets in a new folder of their own."""
    usual = {endpoint: endpoints.address_of(endpoint) for endpoint in ENDPOINTS}
    with open_context("viewer") as context:
        try:
            for endpoint, address in usual.items():
                with endpoints.open_socket(context, zmq.PULL) as socket:
                    endpoints.bind(socket, address, endpoint.name)
        except EndpointError:
            return private_addresses(Path(tempfile.mkdtemp(prefix="gvsc-")))
    return usual


def private_addresses(folder: Path) -> dict[Endpoint, str]:
    """Addresses that nobody else uses: local sockets in ``folder``."""
    return {endpoint: f"ipc://{folder / endpoint.name}" for endpoint in ENDPOINTS}
