"""`docker compose up` on a real engine: bursts flow, the SNR is turned from outside, services die and come back, two
receivers hear the same bursts at their own SNRs, and nothing is left behind.

The tests are steps of one scenario and hold in this order. Without an engine all are skipped.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from common import keys
from common.clip import Clip
from common.conventions import FPS
from gvsc.evaluation.metrics.psnr import psnr
from receiver.media import write_mp4
from transmitter.clips import read_clip

pytestmark = [pytest.mark.compose, pytest.mark.timeout(1800)]

ROOT = Path(__file__).resolve().parent.parent.parent
ROLES = ("transmitter", "channel", "receiver")
WINDOW = 2
USER = 10001
CONTROL_PORTS = {"transmitter": "GVSC_TRANSMITTER_CONTROL_PORT", "channel": "GVSC_CHANNEL_CONTROL_PORT"}


def without_settings() -> dict[str, str]:
    """The caller's environment without what would be a setting of compose or of gvsc; where torch is had from stays."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("GVSC_", "COMPOSE_"))}


def docker(*arguments: str, check: bool = True) -> str:
    done = subprocess.run(["docker", *arguments], env=without_settings(), capture_output=True, text=True, check=False)
    assert done.returncode == 0 or not check, f"docker {' '.join(arguments)}: {done.stderr[-3000:]}"
    return done.stdout


def gvsc(*arguments: str) -> Any:
    """What the command on the host, outside the containers, prints as JSON."""
    command = [sys.executable, "-c", "from gvsc.cli import main; main()", *arguments]
    done = subprocess.run(command, cwd=ROOT, env=without_settings(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"gvsc {' '.join(arguments)}: {done.stderr[-1000:]}"
    return [json.loads(line) for line in done.stdout.splitlines()]


def free_ports(count: int) -> int:
    """The first of ``count`` ports in a row of this machine's loopback that nobody uses."""
    for first in range(21000 + secrets.randbelow(9000), 32000, count):
        with contextlib.ExitStack() as stack, contextlib.suppress(OSError):
            for port in range(first, first + count):
                stack.enter_context(socket.socket()).bind(("127.0.0.1", port))
            return first
    raise AssertionError("no free ports")


class Stack:
    """One compose project with a name, ports and folders of its own."""

    def __init__(self, folder: Path, tell: Callable[[str], None], *overrides: str) -> None:
        """``folder`` is empty and takes clips and reconstructions; ``overrides`` are compose files beside the first."""
        self.name = f"gvsc-test-{secrets.token_hex(4)}"
        self.out = folder / "out"
        self.clips = folder / "clips"
        for made in (self.out, self.clips):
            made.mkdir()
        self._settings_file = folder / "settings.env"
        self._files = ("docker-compose.yml", *overrides)
        self.tell = tell
        user = os.getuid() or USER
        if os.getuid() == 0:
            os.chown(self.out, user, user)
        self.user = user
        self.keys: tuple[str, ...] = ()
        first = free_ports(24)
        fixed = ("TAP", "PREVIEW", "TRANSMITTER_CONTROL", "CHANNEL_CONTROL")
        self.settings = {
            "GVSC_CLIPS": str(self.clips),
            "GVSC_OUT": str(self.out),
            "GVSC_UID": str(user),
            "GVSC_GID": str(user),
            # one step and one thread: what is tested is the system, not the generator
            "GVSC_STEPS": "1",
            "GVSC_THREADS": "1",
            "GVSC_SNR_DB": "9",
            **{f"GVSC_{name}_PORT": str(first + i) for i, name in enumerate(fixed)},
            "GVSC_RESULTS_PORTS": f"{first + 4}-{first + 13}",
            "GVSC_RECEIVER_CONTROL_PORTS": f"{first + 14}-{first + 23}",
        }

    def compose(self, *arguments: str, check: bool = True) -> str:
        self._settings_file.write_text("".join(f"{name}={value}\n" for name, value in self.settings.items()))
        project = ["--project-name", self.name, "--env-file", str(self._settings_file)]
        for file in self._files:
            project += ["--file", str(ROOT / file)]
        return docker("compose", *project, *arguments, check=check)

    @contextlib.contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Tells how long it took."""
        began = time.monotonic()
        yield
        self.tell(f"{name}: {time.monotonic() - began:.1f} s")

    def up(self, name: str, *options: str) -> None:
        with self.step(name):
            self.compose("up", "--detach", "--wait", *options)

    def containers(self, role: str) -> list[str]:
        return self.compose("ps", "--all", "--quiet", role).split()

    def control_address(self, role: str, index: int = 1) -> str:
        if role in CONTROL_PORTS:
            return f"tcp://127.0.0.1:{self.settings[CONTROL_PORTS[role]]}"
        return "tcp://" + self.compose("port", "--index", str(index), "receiver", "5558").strip()

    def control(self, role: str, *arguments: str, index: int = 1) -> dict[str, Any]:
        """A reply to `gvsc control`, from outside, through the published port."""
        address = self.control_address(role, index)
        (reply,) = gvsc("control", "--of", role, "--address", address, "--json", *self.keys, *arguments)
        return dict(reply)

    def inspect(self, count: int) -> list[dict[str, Any]]:
        """What `gvsc inspect` sees at the published tap."""
        tap = f"tcp://127.0.0.1:{self.settings['GVSC_TAP_PORT']}"
        return list(gvsc("inspect", "--tap", tap, "--json", "--count", str(count), "--timeout", "180", *self.keys))

    def inspect_from(self, seq: int) -> list[dict[str, Any]]:
        """Bursts seen at the tap until there is one with that sequence number or a later one; those only."""
        deadline = time.monotonic() + 300
        while time.monotonic() < deadline:
            if seen := [burst for burst in self.inspect(2) if burst["seq"] >= seq]:
                return seen
        raise AssertionError(f"burst {seq} was not seen")

    def wait_for(self, condition: Callable[[dict[str, Any]], bool], timeout_s: float = 300) -> dict[str, Any]:
        """The transmitter's status once ``condition`` holds."""
        deadline = time.monotonic() + timeout_s
        while not condition(status := self.control("transmitter", "status")):
            assert time.monotonic() < deadline, f"the transmitter's status is still {status}"
            time.sleep(1)
        return status

    def received(self, folder: Path, names: list[str], first: int, text: str) -> dict[str, Path]:
        """The facts of one burst from ``first`` on with that description, as each of these receivers wrote them."""
        deadline = time.monotonic() + 300
        while time.monotonic() < deadline:
            shutil.rmtree(folder / "out", ignore_errors=True)
            self.compose("cp", "--index", "1", "receiver:/out", str(folder))
            facts = {name: {path.name: path for path in folder.glob(f"out/{name}/[0-9]*.json")} for name in names}
            for file in sorted(set.intersection(*(set(of) for of in facts.values())), reverse=True):
                if int(file[:6]) >= first and all(
                    json.loads(of[file].read_text())["text_received"] == text for of in facts.values()
                ):
                    return {name: of[file] for name, of in facts.items()}
            time.sleep(2)
        raise AssertionError(f"no burst with the description {text!r} was received by all")

    def left_behind(self) -> list[str]:
        label = f"label=com.docker.compose.project={self.name}"
        listings = (("ps", "--all"), ("network", "ls"), ("volume", "ls"))
        return [name for listing in listings for name in docker(*listing, "--quiet", "--filter", label).split()]


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Stack]:
    lacking = "needs docker" if shutil.which("docker") is None else ""
    for arguments, what in ((("compose", "version"), "docker compose"), (("info",), "a running container engine")):
        if not lacking and subprocess.run(["docker", *arguments], capture_output=True, check=False).returncode != 0:
            lacking = f"needs {what}"
    if lacking:
        pytest.skip(lacking)
    capture = request.config.pluginmanager.getplugin("capturemanager")

    def tell(line: str) -> None:
        with capture.global_and_fixture_disabled():
            print(f"\ncompose: {line}", flush=True)  # noqa: T201

    stack = Stack(tmp_path_factory.mktemp("compose"), tell)
    try:
        with stack.step("build"):
            stack.compose("build")
        stack.up("up --wait")
        yield stack
    finally:
        stack.compose("down", "--volumes", "--timeout", "5", check=False)


def test_bursts_flow(stack: Stack) -> None:
    with stack.step("three bursts"):
        bursts = stack.inspect(3)
    assert [burst["seq"] for burst in bursts] == list(range(bursts[0]["seq"], bursts[0]["seq"] + 3))
    assert {burst["scheme"] for burst in bursts} == {"first-frame-desc"}
    assert {burst["snr_set_db"] for burst in bursts} == {9.0}
    assert all(abs(burst["power"] - 1) < 1e-3 for burst in bursts)


@pytest.mark.parametrize("role", ROLES)
def test_a_service_is_an_ordinary_user_on_a_file_system_that_it_cannot_change(stack: Stack, role: str) -> None:
    program = (
        "import os, pathlib\n"
        "status = dict(line.split(':', 1) for line in pathlib.Path('/proc/1/status').read_text().splitlines())\n"
        "written = []\n"
        "for folder in ('/', '/opt/gvsc', '/opt/gvsc/cache', '/opt/venv', '/etc', '/var', '/home', '/clips'):\n"
        "    try:\n"
        "        pathlib.Path(folder, 'probe').write_text('')\n"
        "        written.append(folder)\n"
        "    except OSError:\n"
        "        pass\n"
        "pathlib.Path('/tmp/probe').write_text('')\n"
        "print(status['Uid'].split()[0], int(status['CapEff'], 16), int(status['NoNewPrivs']), written)\n"
    )
    told = stack.compose("exec", "--no-TTY", role, "python", "-c", program).split(maxsplit=3)
    assert [int(value) for value in told[:3]] == [stack.user, 0, 1]
    assert told[3].strip() == "[]"


def test_only_loopback_of_this_machine_is_published_and_no_data_socket(stack: Stack) -> None:
    published = {}
    for role in ROLES:
        (container,) = stack.containers(role)
        bindings = json.loads(docker("inspect", "--format", "{{json .NetworkSettings.Ports}}", container))
        published |= {port: [binding["HostIp"] for binding in bound or []] for port, bound in bindings.items() if bound}
    assert set(published) == {f"{port}/tcp" for port in (5553, 5554, 5555, 5556, 5557, 5558)}
    assert all(hosts == ["127.0.0.1"] for hosts in published.values())


def test_the_snr_is_turned_from_outside_and_the_tap_measures_it(stack: Stack) -> None:
    with stack.step("two SNRs set from outside and measured"):
        for snr_db in (-1.0, 12.0):
            change = stack.control("channel", "set", "snr-db", str(snr_db))
            for burst in stack.inspect_from(change["first_seq"]):
                assert burst["snr_set_db"] == snr_db
                assert abs(burst["snr_measured_db"] - snr_db) < 0.5


def test_the_snr_is_turned_from_inside_too(stack: Stack) -> None:
    command = ("gvsc", "control", "--json", "set", "snr-db", "10")
    reply = json.loads(stack.compose("exec", "--no-TTY", "channel", *command))
    assert (reply["old"], reply["new"]) == (12.0, 10.0)


def test_reconstructions_land_outside(stack: Stack) -> None:
    stack.wait_for(lambda status: status["delivered"] >= 2)
    (folder,) = stack.out.iterdir()
    facts = [json.loads(path.read_text()) for path in sorted(folder.glob("[0-9]*.json"))]
    assert len(facts) >= 2
    assert {made["scheme"] for made in facts} == {"first-frame-desc"}
    videos = sorted(folder.glob("[0-9]*.mp4"))
    assert {path.stat().st_uid for path in videos} == {stack.user}
    frames = sorted(videos[0].with_suffix("").glob("[0-9]*.png"))
    with Image.open(frames[0]) as picture:
        assert np.asarray(picture).std() > 5


@pytest.mark.parametrize("role", ["receiver", "channel", "transmitter"])
def test_a_killed_service_comes_back_and_little_is_lost(stack: Stack, role: str) -> None:
    before = stack.wait_for(lambda status: status["delivered"] >= 1)
    (container,) = stack.containers(role)
    docker("kill", container)
    stack.up(f"up --wait after the {role} was killed")
    assert stack.containers(role) == [container], "the same container goes on"
    with stack.step(f"the stream goes on without the old {role}"):
        if role == "transmitter":  # a new life, which counts from nought
            after = stack.wait_for(lambda status: status["delivered"] >= 2)
            assert after["session"] != before["session"]
            lost = after["lost"]
        else:
            # everything that was on its way is acknowledged or known to be lost, and more has come through since
            settled = before["sent"] + WINDOW
            after = stack.wait_for(
                lambda status: (
                    status["delivered"] + status["lost"] > settled and status["delivered"] > before["delivered"]
                )
            )
            assert after["session"] == before["session"]
            lost = after["lost"] - before["lost"]
    assert after["sent"] == after["delivered"] + after["lost"] + after["outstanding"]
    assert 0 <= lost <= WINDOW


def test_a_service_that_dies_of_an_error_is_started_again(stack: Stack) -> None:
    """Not by `docker kill`, after which nothing is to be started: by a signal that the engine does not know of."""
    (container,) = stack.containers("channel")
    pid, count = docker("inspect", "--format", "{{.State.Pid}} {{.RestartCount}}", container).split()
    kill = ("--pid", "host", "--user", "0", "--network", "none", "--entrypoint", "python", "gvsc")
    before = stack.wait_for(lambda status: status["delivered"] >= 1)
    with stack.step("the channel killed from outside, and the stream goes on"):
        docker("run", "--rm", *kill, "-c", f"import os; os.kill({pid}, 9)")
        settled = before["sent"] + WINDOW
        after = stack.wait_for(lambda status: status["delivered"] + status["lost"] > settled)
    assert stack.containers("channel") == [container]
    told = docker("inspect", "--format", "{{.RestartCount}} {{.State.Running}}", container).split()
    assert told == [str(int(count) + 1), "true"]
    assert after["session"] == before["session"]
    assert 0 <= after["lost"] - before["lost"] <= WINDOW


def test_the_first_burst_compiles_nothing(stack: Stack) -> None:
    """The kernels that the receiver uses came with the image: numba has written none beside their copy."""
    listing = "import pathlib; print(*sorted(p.name for p in pathlib.Path('{}').rglob('*.nb[ic]')))"
    stack.wait_for(lambda status: status["delivered"] >= 1)
    built, used = (
        stack.compose("exec", "--no-TTY", "receiver", "python", "-c", listing.format(folder)).split()
        for folder in ("/opt/gvsc/numba", "/tmp/numba")
    )
    assert built
    assert used == built


def test_keys_lock_the_sockets(stack: Stack, tmp_path: Path) -> None:
    locked = Stack(tmp_path, stack.tell, "docker-compose.keys.yml")
    locked.settings["GVSC_KEYS"] = str(tmp_path / "keys")
    for path in keys.make(tmp_path / "keys"):
        os.chown(path, locked.user, locked.user)
    try:
        locked.up("up --wait with keys")
        with pytest.raises(AssertionError, match="nobody answers"):
            locked.control("channel", "status")
        locked.keys = ("--keys", str(tmp_path / "keys"))
        with locked.step("with keys: the SNR set from outside, and a burst that arrives"):
            change = locked.control("channel", "set", "snr-db", "4")
            assert {burst["snr_set_db"] for burst in locked.inspect_from(change["first_seq"])} == {4.0}
            locked.wait_for(lambda status: status["delivered"] >= 1)
        for role in ROLES:
            (mounts,) = json.loads(docker("inspect", "--format", "[{{json .Mounts}}]", *locked.containers(role)))
            secrets_inside = [mount["Destination"] for mount in mounts if mount["Destination"].endswith(".secret")]
            assert secrets_inside == [f"/keys/{role}.secret"], "no service holds another one's secret"
    finally:
        locked.compose("down", "--volumes", "--timeout", "5", check=False)
    assert locked.left_behind() == []


def draw_clip(folder: Path) -> Clip:
    """Writes a drawn clip with a caption into ``folder`` and returns it as a reader finds it there."""
    y, x = np.mgrid[:256, :256]
    frame = np.stack([128 + 100 * np.sin(x / 19), 128 + 100 * np.sin(y / 31), 128 + 100 * np.sin((x + y) / 43)], -1)
    frame[96:160, 64:192] = (230, 40, 30)
    staged = folder.parent / "waves.mp4"
    write_mp4(staged, np.repeat(frame[None].astype(np.uint8), 8, axis=0), FPS)
    (folder / "waves.txt").write_text("A red block lies on coloured waves.")
    staged.chmod(0o644)
    staged.rename(folder / "waves.mp4")
    return read_clip(folder / "waves.mp4")


def test_two_receivers_hear_the_same_bursts_at_their_own_snrs(stack: Stack, tmp_path: Path) -> None:
    source = draw_clip(stack.clips).video[0]
    stack.settings["GVSC_OUT"] = "out"  # the default: a volume of compose's own
    stack.up("up --wait --scale receiver=2", "--scale", "receiver=2")
    names = [stack.control("receiver", "status", index=index)["name"] for index in (1, 2)]
    assert len(set(names)) == 2
    stack.wait_for(lambda status: all(status["receivers"].get(name, {}).get("live") for name in names))
    snr_db = dict(zip(names, (12.0, -1.0), strict=True))
    first = max(
        stack.control("channel", "set", "snr-db", str(value), "--link", name)["first_seq"]
        for name, value in snr_db.items()
    )
    links = {link["name"]: link for link in stack.control("channel", "status")["links"] if link["live"]}
    assert {name: link["settings"]["snr_db"] for name, link in links.items()} == snr_db
    with stack.step("a burst of the new clip to two receivers"):
        for burst in stack.inspect_from(first):
            assert burst["snr_set_db"] == snr_db[burst["receiver"]]
            assert abs(burst["snr_measured_db"] - burst["snr_set_db"]) < 0.5
        heard = stack.received(tmp_path, names, first, "A red block lies on coloured waves.")
    facts = {name: json.loads(path.read_text()) for name, path in heard.items()}
    assert len({made["seq"] for made in facts.values()}) == 1
    assert all(abs(made["snr_estimated_db"] - snr_db[name]) < 1 for name, made in facts.items())
    quality = {}
    for name, path in heard.items():
        with Image.open(path.with_suffix("") / "received_first_frame.png") as picture:
            quality[name] = psnr(source[None], np.asarray(picture)[None])
    stack.tell(", ".join(f"{snr_db[name]:g} dB: first frame at {quality[name]:.1f} dB PSNR" for name in names))
    assert quality[names[0]] > quality[names[1]] + 1.5


def test_down_leaves_nothing_behind(stack: Stack) -> None:
    assert any(name.endswith("_out") for name in stack.left_behind())
    with stack.step("down --volumes"):
        stack.compose("down", "--volumes")
    assert stack.left_behind() == []
