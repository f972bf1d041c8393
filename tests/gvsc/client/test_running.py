"""The client and its example on three real processes, and a channel that dies while it is looked at."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from common.errors import EndpointError
from gvsc.client import Gap, Preview, Result, TappedBurst
from gvsc.services import Services, private_addresses
from receiver.media import write_mp4

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

EXAMPLE = Path(__file__).resolve().parents[3] / "examples" / "watch.py"
CAPTION = "Grey noise."


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    """The three processes, and a stream of short bursts without end."""
    folder = tmp_path_factory.mktemp("running")
    write_mp4(folder / "clip.mp4", np.random.default_rng(0).integers(0, 256, (8, 64, 64, 3), np.uint8), 4)
    (folder / "clip.txt").write_text(CAPTION)
    with Services(folder / "logs", private_addresses(folder)) as services:
        services.start("channel", "--snr-db", "10")
        services.start("receiver", "--name", "here", "--steps", "1", "--guidance", "1", "--threads", "1")
        services.start(
            "transmitter",
            *(str(folder / "clip.mp4"), "--repeat", "0", "--scheme", "desc-only", "--tx-snr-db", "6", "--threads", "1"),
        )
        services.wait_for("transmitter", lambda status: status["delivered"] >= 1, 200)
        yield services


def test_the_example_runs(services: Services) -> None:
    places = {place.environment: address for place, address in services.addresses.items()}
    done = subprocess.run(
        [sys.executable, str(EXAMPLE), "--clips", "4", "--from-db", "12", "--to-db", "9", "--seconds", "1"],
        env={**os.environ, **places},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "refused" not in done.stderr
    first, change, *bursts, last = done.stdout.splitlines()
    assert first.endswith("dB, of -60.0 … 100.0")
    assert re.fullmatch(r"snr_db goes to 9.0 from burst \d+ on", change)
    assert len(bursts) == 4
    for line in bursts:
        assert re.match(r"burst \d+  to here  ", line)
        assert line.endswith(f"“{CAPTION}”")
    # the first may have been on its way when the example began to look
    assert re.search(r"desc-only 1/3, \d+ symbols at \d+\.\d dB  PSNR \d+\.\d\d dB  SSIM -?0\.\d{3}  ", bursts[-1])
    assert last.startswith("the channel has passed ")


def test_events_of_one_burst_belong_together(services: Services) -> None:
    client = services.client()
    with client.events(link="here", receiver="here", timeout_s=60) as events:
        seen: dict[int, set[type]] = {}
        for event in events:
            seen.setdefault(event.seq, set()).add(type(event))
            if isinstance(event, Result):
                assert event.text == CAPTION
                assert event.task == "text"
            if seen[event.seq] == {TappedBurst, Preview, Result}:
                break
    change = client.set("channel", "snr_db", 20, link="here")
    for burst in client.bursts(link="here", timeout_s=60):
        if burst.seq >= change.first_seq:
            assert burst.snr_set_db == 20
            break
    assert client.settings("transmitter")["scheme"].value == "desc-only"
    assert client.status("receiver")["name"] == "here"


def test_streams_outlive_the_channel(services: Services) -> None:
    """kill -9: what was on its way is lost, and seen as a gap; the same iterator goes on with the new process."""
    gaps: list[Gap] = []
    client = services.client()
    with client.bursts(timeout_s=60, on_gap=gaps.append) as bursts:
        first = next(bursts)
        services.kill("channel")
        while bursts.receive(1.0) is not None:
            pass
        with pytest.raises(EndpointError, match="nobody answers"):
            client.status("channel", timeout_s=0.5)
        services.start("channel", "--snr-db", "7")
        burst = next(bursts)
        assert (burst.session, burst.snr_set_db) == (first.session, 7)
        assert burst.seq > first.seq
        assert bursts.missed == sum(gap.missed for gap in gaps)
    assert client.get("channel", "snr_db") == 7
