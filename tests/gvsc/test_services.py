"""The three services as real processes: the same bytes as in one, a live SNR. For what faults do, see tests/faults."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zmq
from PIL import Image

from common import endpoints, wire
from common.endpoints import DOWNLINK, RESULTS, TAP
from gvsc.client import tapped
from gvsc.services import ROLES, Services, private_addresses
from receiver.media import write_mp4

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

TX_SNR_DB = 6.0
CAPTION = "A bright disc moves to the right over a wall of grey stones."
QUICK = ("--steps", "1", "--threads", "1")


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A drawn clip of 2 s: a disc over texture."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:256, :256]
    wall = np.kron(rng.integers(60, 160, (16, 16)), np.ones((16, 16)))
    video = np.empty((8, 256, 256, 3), np.uint8)
    for k in range(8):
        disc = (x - 60 - 15 * k) ** 2 + (y - 128) ** 2 < 40**2
        video[k] = np.where(disc[..., None], (240, 200, 40), wall[..., None])
    path = tmp_path_factory.mktemp("clips") / "disc.mp4"
    write_mp4(path, video, 4)
    path.with_suffix(".txt").write_text(CAPTION)
    return path


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    with Services(tmp_path / "logs", private_addresses(tmp_path)) as services:
        yield services


def hear(socket: zmq.Socket[bytes], *kinds: str, timeout_s: float = 60) -> wire.Message:
    assert socket.poll(int(timeout_s * 1000)), "nothing was published"
    return wire.receive(socket, kinds)


def start_channel(services: Services, snr_db: float = 10.0) -> None:
    services.start("channel", "--snr-db", str(snr_db))


def start_receiver(services: Services) -> None:
    services.start("receiver", *QUICK)


def start_transmitter(services: Services, clip: Path, *options: str) -> None:
    services.start("transmitter", str(clip), "--tx-snr-db", str(TX_SNR_DB), "--threads", "1", *options)


def start_stream(services: Services, clip: Path, *options: str) -> None:
    start_channel(services)
    start_receiver(services)
    start_transmitter(services, clip, "--repeat", "0", *options)


def simulate(clip: Path, out: Path, *options: str) -> dict[str, Any]:
    command = [
        sys.executable,
        "-c",
        "from gvsc.cli import main; main()",
        "simulate",
        str(clip),
        "--out",
        str(out),
        "--json",
    ]
    done = subprocess.run([*command, *QUICK, *options], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    facts: dict[str, Any] = json.loads(done.stdout)
    return facts


@pytest.mark.parametrize(
    ("scheme", "describe"),
    [
        ("first-frame-desc", "captions"),
        ("sketch-desc", "captions"),
        ("sketches-desc", "captions"),
        ("desc-only", "tags"),
        ("djscc-rgb", "none"),
        ("h265-ldpc", "none"),
    ],
)
def test_three_processes_and_one_give_the_same_bytes(
    services: Services, clip: Path, tmp_path: Path, scheme: str, describe: str
) -> None:
    viewers = services.listen(TAP, RESULTS)
    # The receiver starts last and the transmitter first: the order must not matter.
    described = () if describe == "none" else ("--describe", describe)
    start_transmitter(services, clip, "--scheme", scheme, *described, "--paused", "--repeat", "2")
    start_receiver(services)
    start_channel(services, 4.0)
    services.wait_for("channel", lambda status: status["tap_subscribers"] > 0, 60)
    services.wait_for("receiver", lambda status: status["ready"] and status["results_subscribers"] > 0, 120)
    services.ask("transmitter", op="set", key="paused", value=False)
    tapped, results = {}, {}
    while len(results) < 2 or len(tapped) < 2:
        message = hear(viewers, "tap", "result", timeout_s=120)
        (tapped if message.kind == "tap" else results)[message.header["seq"]] = message
    # Burst 1, so that what came before it would show if it mattered.
    options = ("--scheme", scheme, *described, "--snr-db", "4", "--sequence", "1")
    options += ("--tx-snr-db", str(TX_SNR_DB))
    facts = simulate(clip, tmp_path / "out", *options)
    np.testing.assert_array_equal(np.load(facts["files"]["tx"]), tapped[1].samples(0))
    np.testing.assert_array_equal(np.load(facts["files"]["rx"]), tapped[1].samples(1))
    frames = [np.asarray(Image.open(p)) for p in sorted(Path(facts["files"]["reconstruction"]).glob("*.png"))]
    np.testing.assert_array_equal(np.stack(frames), results[1].video())
    assert results[1].header["text"] == facts["text_received"] == facts["text_sent"]
    assert facts["described_by"] == describe
    assert (facts["text_sent"] == CAPTION) == (describe == "captions")
    assert results[1].header["snr_db"] == facts["snr_estimated_db"]
    assert (results[1].header["generator"], results[1].header["task"]) == (facts["generator"], facts["task"])
    pictures = results[1].section_pictures()
    assert {f"received_{name}" for name in pictures} == {name for name in facts["files"] if name.startswith("received")}
    for name, received in pictures.items():
        np.testing.assert_array_equal(np.asarray(Image.open(facts["files"][f"received_{name}"])), received)
    shapes = {
        "first-frame-desc": {"first_frame": (256, 256, 3)},
        "sketch-desc": {"sketch": (256, 256)},
        "sketches-desc": {"sketches": (256, 8 * 256)},
    }
    assert {name: received.shape for name, received in pictures.items()} == shapes.get(scheme, {})
    told = {section.pop("name"): section for section in map(dict, results[1].header["sections"])}
    assert {name: {k: v for k, v in about.items() if k != "shape"} for name, about in told.items()} == facts["sections"]
    # Other noise gives another picture, and so another clip; bits that arrived whole give the same again.
    same = np.array_equal(results[0].video(), results[1].video())
    assert same == (facts["task"] == "text" or scheme == "h265-ldpc")
    assert results[1].header["failed"] == []
    assert services.exit_code("transmitter") in (0, None)


def test_the_snr_is_turned_live_and_the_measured_one_follows(services: Services, clip: Path) -> None:
    viewers = services.listen(TAP)
    start_stream(services, clip, "--scheme", "desc-only")
    services.wait_for("channel", lambda status: status["bursts"] > 0, 120)
    for snr_db in (-5.0, 0.0, 5.0, 10.0, 20.0):
        change = services.ask("channel", op="set", key="snr-db", value=str(snr_db))
        assert change["new"] == snr_db
        measured = []
        while len(measured) < 5:
            burst = tapped.from_message(hear(viewers, "tap"))
            if burst.seq >= change["first_seq"]:
                assert burst.snr_set_db == snr_db
                assert burst.power == pytest.approx(1, abs=1e-3)
                measured.append(burst.snr_measured_db)
        # About a thousand symbols a burst: each measurement is good to 0.15 dB.
        assert np.mean(measured) == pytest.approx(snr_db, abs=0.35)


def test_a_channel_that_talks_nonsense_does_not_take_the_receiver_down(services: Services) -> None:
    """This test is the channel: it sends the receiver what no channel should."""
    results = services.listen(RESULTS)
    with endpoints.open_socket(services.context, zmq.ROUTER) as downlink:
        endpoints.bind(downlink, services.addresses[DOWNLINK], "test")
        start_receiver(services)
        services.wait_for("receiver", lambda status: status["ready"] and status["results_subscribers"] > 0, 120)
        peer, join = wire.receive_from(downlink, ("join",))
        again, join_again = wire.receive_from(downlink, ("join",))  # it asks until it is answered
        assert (again, join_again.header) == (peer, join.header)
        wire.send_to(downlink, peer, "joined", {"link": 3})
        services.wait_for("receiver", lambda status: status["link"] == 3, 10)
        session = wire.new_session()

        def send(seq: int, samples: np.ndarray) -> None:
            fields = {"session": session, "seq": seq, "samples": samples.size, "dtype": "cf32_le"}
            downlink.send_multipart([peer, *wire.encode("burst", fields, (samples,))])

        downlink.send_multipart([peer, b"nonsense"])
        send(0, np.full(3000, np.nan, np.complex64))
        send(1, np.zeros(10, np.complex64))
        send(2, np.zeros(0, np.complex64))
        send(5, np.random.default_rng(0).standard_normal(9000).astype(np.complex64))
        send(5, np.zeros(9000, np.complex64))
        failed = [hear(results, "result").header["failed"] for _ in range(4)]
        assert failed == [["samples"], ["samples"], ["samples"], ["header"]]
        status = services.ask("receiver", op="status")
        assert (status["refused"], status["gaps"], status["repeated"], status["errors"]) == (1, 2, 1, 0)


@pytest.mark.parametrize("role", ROLES)
def test_a_port_in_use_is_one_line_and_exit_1(services: Services, role: str) -> None:
    with endpoints.open_socket(services.context, zmq.REP) as squatter:
        address = endpoints.bind(squatter, "tcp://127.0.0.1:*", "test")
        places = {**services.addresses, endpoints.CONTROLS[role]: address}
        done = subprocess.run(
            [sys.executable, "-m", role],
            env={**os.environ, **{place.environment: where for place, where in places.items()}},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.returncode == 1
    assert f"Error: {role} control: {address} is in use by another process" in done.stderr
    assert "Traceback" not in done.stderr


def test_idle_channel_uses_no_cpu_little_memory_and_no_torch(services: Services) -> None:
    began = time.monotonic()
    start_channel(services)
    services.wait_for("channel", lambda status: status["ready"], 30)
    assert time.monotonic() - began < 5  # 1 s on an idle machine; tests may share theirs
    process = Path(f"/proc/{services.pids['channel']}")

    def ticks() -> int:
        fields = (process / "stat").read_text().rsplit(")", 1)[1].split()
        return int(fields[11]) + int(fields[12])

    before = ticks()
    time.sleep(1.5)  # idleness is what is measured
    assert ticks() - before <= 2
    assert services.peak_rss_mb()["channel"] < 150
    assert "libtorch" not in (process / "maps").read_text()
