"""A broadcast: each receiver gets every burst through a link of its own, and those that die do not stop the others."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zmq

from channel.channel import Channel
from common import endpoints, wire
from common.conventions import snr_db_of
from common.endpoints import DOWNLINK, RECEIVER_CONTROL, RESULTS, TAP, UPLINK
from common.errors import GvscError
from gvsc.client import tapped
from gvsc.services import Services, private_addresses
from receiver.media import write_mp4

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

WINDOW = 2
QUICK = ("--steps", "1", "--guidance", "1", "--threads", "1")
SESSION = "0123456789abcdef"
SYMBOLS = np.exp(2j * np.pi * np.random.default_rng(0).random(9000)).astype(np.complex64)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clip of colours that move."""
    ramp = np.linspace(0, 255, 96)
    video = np.empty((8, 64, 96, 3), np.uint8)
    for k in range(8):
        video[k] = np.roll(np.stack((ramp, ramp[::-1], np.full(96, 90)), -1), 5 * k, axis=0).astype(np.uint8)
    path = tmp_path_factory.mktemp("clips") / "ramp.mp4"
    write_mp4(path, video, 4)
    path.with_suffix(".txt").write_text("A ramp of colours that moves to the right.")
    return path


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    with Services(tmp_path / "logs", private_addresses(tmp_path)) as services:
        yield services


class Ends:
    """Both ends of the channel, played by the test."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self.uplink = endpoints.open_socket(services.context, zmq.PUSH)
        endpoints.connect(self.uplink, services.addresses[UPLINK], "uplink")
        self.receivers: list[zmq.Socket[bytes]] = []

    def join(self, name: str, life: str | None = None) -> zmq.Socket[bytes]:
        """The socket of a receiver that has said that it wants to join."""
        dealer = endpoints.open_socket(self._services.context, zmq.DEALER)
        self.receivers.append(dealer)
        endpoints.connect(dealer, self._services.addresses[DOWNLINK], "downlink")
        wire.send(dealer, "join", {"name": name, "life": life or wire.new_session()})
        return dealer

    def burst(self, seq: int, session: str = SESSION) -> None:
        fields = {"session": session, "seq": seq, "samples": SYMBOLS.size, "dtype": "cf32_le"}
        wire.send(self.uplink, "burst", fields, (SYMBOLS,))

    def probe(self, number: int) -> None:
        wire.send(self.uplink, "probe", {"session": SESSION, "probe": number, "links": []})


@pytest.fixture
def ends(services: Services) -> Iterator[Ends]:
    services.start("channel", "--snr-db", "10", "--seed", "5")
    ends = Ends(services)
    yield ends
    for socket in (ends.uplink, *ends.receivers):
        socket.close()


def hear(socket: zmq.Socket[bytes], kind: str, timeout_s: float = 20) -> wire.Message:
    assert socket.poll(int(timeout_s * 1000)), f"no {kind} came"
    return wire.receive(socket, (kind,))


def links(services: Services) -> list[tuple[int, str, bool]]:
    return [(link["number"], link["name"], link["live"]) for link in services.ask("channel", op="status")["links"]]


def test_every_receiver_gets_every_burst_through_its_own_noise(services: Services, ends: Ends) -> None:
    one = ends.join("one")
    assert hear(one, "joined").header["link"] == 1
    two = ends.join("two")
    assert hear(two, "joined").header["link"] == 2
    assert services.ask("channel", op="set", key="snr-db", value=0, link="two")["first_seq"] == 0
    viewer = services.listen(TAP)
    services.wait_for("channel", lambda status: status["tap_subscribers"] > 0, 10)
    channel = Channel(snr_db=10, seed=5)
    for seq in range(6):
        ends.burst(seq)
        got = {}
        for name, socket in (("one", one), ("two", two)):
            message = hear(socket, "burst")
            assert message.header["seq"] == seq
            got[name] = message.samples()
        # The first link is the channel itself, as `gvsc simulate` has it.
        np.testing.assert_array_equal(got["one"], channel.apply(SYMBOLS, seq))
        for name, snr_db in (("one", 10), ("two", 0)):
            measured = snr_db_of(1.0, float(np.mean(np.abs(got[name] - SYMBOLS) ** 2)))
            assert measured == pytest.approx(snr_db, abs=0.25)
            seen = tapped.from_message(hear(viewer, "tap"))
            assert (seen.seq, seen.receiver, seen.snr_set_db) == (seq, name, snr_db)
            assert seen.link == {"one": 1, "two": 2}[name]
            np.testing.assert_array_equal(seen.after, got[name])
    told = services.ask("channel", op="status")["links"]
    assert [(link["name"], link["bursts"], link["settings"]["snr_db"]) for link in told] == [
        ("one", 6, 10),
        ("two", 6, 0),
    ]


def test_a_receiver_that_is_gone_loses_its_link_and_gets_it_back(services: Services, ends: Ends) -> None:
    one = ends.join("one")
    hear(one, "joined")
    two = ends.join("two")
    hear(two, "joined")
    services.ask("channel", op="set", key="snr_db", value=-3, link=2)
    two.close()
    deadline = time.monotonic() + 20
    number = 0
    while links(services)[1][2]:
        assert time.monotonic() < deadline
        ends.probe(number)
        hear(one, "probe")
        number += 1
    ends.probe(number)
    assert hear(one, "probe").header["links"] == ["one"]
    three = ends.join("three")
    assert hear(three, "joined").header["link"] == 3
    again = ends.join("two")
    assert hear(again, "joined").header["link"] == 2
    ends.probe(number + 1)
    assert set(hear(again, "probe").header["links"]) == {"one", "two", "three"}
    assert services.ask("channel", op="get", key="snr_db", link="two")["value"] == -3
    assert links(services) == [(1, "one", True), (2, "two", True), (3, "three", True)]


def test_with_nobody_there_everything_waits_and_nothing_is_lost(services: Services, ends: Ends) -> None:
    first = ends.join("first")
    hear(first, "joined")
    first.close()
    time.sleep(0.2)  # the channel may or may not have noticed: both must be right
    for seq in range(3):
        ends.burst(seq)
    time.sleep(0.5)  # nothing may happen, which cannot be waited for otherwise
    second = ends.join("second")
    hear(second, "joined")
    assert [hear(second, "burst").header["seq"] for _ in range(3)] == [0, 1, 2]


def test_a_change_while_a_burst_waits_for_somebody_holds_for_the_next_one(services: Services, ends: Ends) -> None:
    first = ends.join("one")
    hear(first, "joined")
    first.close()
    time.sleep(0.3)  # for the channel's side to see the connection closed, which it tells nobody before it sends
    ends.burst(0)
    services.wait_for("channel", lambda status: status["last_seq"] == 0 and not status["links"][0]["live"], 20)
    assert services.ask("channel", op="set", key="snr_db", value=0)["first_seq"] == 1
    again, new = ends.join("one"), ends.join("two")
    hear(again, "joined")
    np.testing.assert_array_equal(hear(again, "burst").samples(), Channel(snr_db=10, seed=5).apply(SYMBOLS, 0))
    hear(new, "joined")
    ends.burst(1)
    np.testing.assert_array_equal(hear(again, "burst").samples(), Channel(snr_db=0, seed=5).apply(SYMBOLS, 1))


def test_a_change_for_a_burst_of_one_session_does_not_come_with_the_next(services: Services, ends: Ends) -> None:
    one = ends.join("one")
    hear(one, "joined")
    assert services.ask("channel", op="set", key="snr_db", value=4, from_seq=1)["first_seq"] == 1
    noisy = {snr_db: Channel(snr_db=snr_db, seed=5) for snr_db in (10, 4)}
    for seq, snr_db in ((0, 10), (1, 4)):  # the first session of all is the one that it was made for
        ends.burst(seq)
        np.testing.assert_array_equal(hear(one, "burst").samples(), noisy[snr_db].apply(SYMBOLS, seq))
    services.ask("channel", op="set", key="snr_db", value=0, from_seq=3)
    for seq in range(4):
        ends.burst(seq, session=SESSION[::-1])
        np.testing.assert_array_equal(hear(one, "burst").samples(), noisy[4].apply(SYMBOLS, seq))


def test_nothing_is_dropped_towards_a_receiver_that_does_not_read_for_a_while(services: Services, ends: Ends) -> None:
    quick, slow = ends.join("quick"), ends.join("slow")
    hear(quick, "joined")
    hear(slow, "joined")
    sent = got = 0
    while sent < 500 and ends.uplink.poll(500, zmq.POLLOUT):  # until the slow one's queues hold everybody back
        ends.burst(sent)
        sent += 1
        while quick.poll(0):
            assert hear(quick, "burst").header["seq"] == got
            got += 1
    assert sent < 500, "the slow one held nobody back"
    # The channel waits for room, but not so that nobody else gets in or an answer.
    late = ends.join("late")
    hear(late, "joined")
    assert len(links(services)) == 3
    for seq in range(sent):
        assert hear(slow, "burst").header["seq"] == seq
        while quick.poll(0):
            assert hear(quick, "burst").header["seq"] == got
            got += 1
    while got < sent:
        assert hear(quick, "burst").header["seq"] == got
        got += 1


def test_a_newer_process_of_the_same_name_takes_the_link_over(services: Services, ends: Ends) -> None:
    old = ends.join("one", "0" * 16)
    hear(old, "joined")
    new = ends.join("one", "1" * 16)
    assert hear(new, "joined").header["link"] == 1
    assert hear(old, "dismissed").header["reason"] == "replaced"
    wire.send(old, "join", {"name": "one", "life": "0" * 16})
    assert hear(old, "dismissed").header["reason"] == "replaced"
    ends.burst(0)
    hear(new, "burst")
    assert not old.poll(100)


def test_strangers_on_the_downlink_get_nothing_and_are_counted(services: Services, ends: Ends) -> None:
    one = ends.join("one")
    hear(one, "joined")
    stranger = endpoints.open_socket(services.context, zmq.DEALER)
    ends.receivers.append(stranger)
    endpoints.connect(stranger, services.addresses[DOWNLINK], "downlink")
    join = bytes(wire.encode("join", {"name": "xx_xx_etc", "life": SESSION})[0])
    for frames in (
        [b""], [b"join"], [b"\xc1" * 70, b""], [b"a"] * 30, wire.encode("hello", {"name": "x"}),
        [join.replace(b"xx_xx_etc", b"../../etc"), b""], [join, b"more"],
    ):  # fmt: skip
        stranger.send_multipart(frames)
    services.wait_for("channel", lambda status: status["refused"] == 7, 10)
    ends.burst(0)
    hear(one, "burst")
    assert not stranger.poll(100)
    assert links(services) == [(1, "one", True)]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"op": "set", "key": "snr_db", "value": 3, "link": 9}, r"no link 9: there are 1 \(one\)"),
        ({"op": "get", "link": "two"}, "no link two"),
        ({"op": "set", "key": "snr_db", "value": 1e9, "link": 1}, "snr_db must be"),
        ({"op": "status", "link": 1}, "status is of all links"),
    ],
)
def test_a_request_for_a_link_that_makes_no_sense_is_refused(
    services: Services, ends: Ends, fields: dict[str, Any], words: str
) -> None:
    hear(ends.join("one"), "joined")
    with pytest.raises(GvscError, match=words):
        services.ask("channel", **fields)


def start_receiver(services: Services, folder: Path, name: str, *options: str) -> None:
    places = {place: f"ipc://{folder / f'{name}-{place.name}'}" for place in (RESULTS, RECEIVER_CONTROL)}
    services.start("receiver", "--name", name, *QUICK, *options, label=name, addresses=places)


def balanced(status: dict[str, Any]) -> bool:
    books = [status, *status["receivers"].values()]
    return all(book["sent"] == book["delivered"] + book["lost"] + book["outstanding"] for book in books)


def test_two_receivers_two_snrs_and_one_that_dies_and_comes_back(
    services: Services, clip: Path, tmp_path: Path
) -> None:
    """The whole system: what the strong one gets does not depend on whether the weak one is there."""
    out = tmp_path / "out"
    services.start("channel", "--snr-db", "15")
    start_receiver(services, tmp_path, "strong", "--out", str(out))
    services.wait_for("channel", lambda status: len(status["links"]) == 1, 120)
    start_receiver(services, tmp_path, "weak", "--out", str(out))
    services.start(
        "transmitter", str(clip), "--repeat", "0", "--scheme", "desc-only", "--paused", "--threads", "1",
        "--window", str(WINDOW),
    )  # fmt: skip
    services.wait_for("transmitter", lambda status: set(status["receivers"]) == {"strong", "weak"}, 120)
    assert services.ask("channel", op="set", key="snr_db", value=3, link="weak")["old"] == 15
    results = {name: services.listen(RESULTS, label=name) for name in ("strong", "weak")}
    for name in results:
        services.wait_for(name, lambda status: status["results_subscribers"] > 0, 20)
    services.ask("transmitter", op="set", key="paused", value=False)

    # Both get every burst, each at its own SNR; the transmitter believes the weaker one.
    for name, snr_db in (("strong", 15), ("weak", 3)):
        told = [hear(results[name], "result", 60).header for _ in range(4)]
        assert [header["seq"] for header in told] == [0, 1, 2, 3]
        assert {header["receiver"] for header in told} == {name}
        assert all(header["text_ok"] for header in told)
        # A burst has some hundred known symbols: 0.6 dB is 3 standard deviations of one estimate, here of four.
        assert np.mean([header["snr_db"] for header in told]) == pytest.approx(snr_db, abs=0.6)
    status = services.wait_for("transmitter", lambda status: status["estimated_snr_db"] is not None, 20)
    assert status["estimated_snr_db"] < 8
    assert balanced(status)
    assert (out / "strong" / "000000.json").is_file()
    assert (out / "weak" / "000000.json").is_file()

    services.kill("weak")
    before = services.wait_for("transmitter", lambda status: not status["receivers"]["weak"]["live"], 60)
    lost = before["receivers"]["weak"]["lost"]
    assert 0 <= lost <= WINDOW
    more = before["receivers"]["strong"]["delivered"] + 5
    after = services.wait_for("transmitter", lambda status: status["receivers"]["strong"]["delivered"] >= more, 60)
    assert after["receivers"]["weak"] == {**before["receivers"]["weak"], "outstanding": 0}
    assert after["receivers"]["strong"]["lost"] == 0
    assert after["estimated_snr_db"] > 12

    start_receiver(services, tmp_path, "weak", "--out", str(out))
    again = services.wait_for(
        "transmitter",
        lambda status: status["receivers"]["weak"]["delivered"] >= before["receivers"]["weak"]["delivered"] + 3,
        120,
    )
    assert balanced(again)
    assert again["receivers"]["weak"]["lost"] == lost
    assert again["receivers"]["strong"]["lost"] == 0
    links_now = services.ask("channel", op="status")["links"]
    assert [(link["number"], link["name"], link["live"], link["settings"]["snr_db"]) for link in links_now] == [
        (1, "strong", True, 15),
        (2, "weak", True, 3),
    ]
    assert services.ask("weak", op="status")["link"] == 2
    heard = [hear(results["weak"], "result", 60).header["snr_db"] for _ in range(3)]
    assert np.mean(heard) == pytest.approx(3, abs=0.7)
    # Nothing was missing in what the strong one got.
    seqs = []
    while results["strong"].poll(0):
        seqs.append(wire.receive(results["strong"], ("result",)).header["seq"])
    assert seqs == list(range(4, 4 + len(seqs)))


def test_a_stopped_receiver_holds_the_others_back_and_a_second_of_its_name_ends_it(
    services: Services, clip: Path, tmp_path: Path
) -> None:
    services.start("channel")
    start_receiver(services, tmp_path, "one")
    start_receiver(services, tmp_path, "two")
    services.start(
        "transmitter", str(clip), "--repeat", "0", "--scheme", "desc-only", "--paused", "--threads", "1",
    )  # fmt: skip
    services.wait_for("transmitter", lambda status: set(status["receivers"]) == {"one", "two"}, 120)
    services.ask("transmitter", op="set", key="paused", value=False)
    services.wait_for("transmitter", lambda status: status["bursts"] >= 3, 60)
    os.kill(services.pids["two"], signal.SIGSTOP)
    try:
        stuck = services.wait_for(
            "transmitter",
            lambda status: (
                status["receivers"]["two"]["outstanding"] == WINDOW and status["receivers"]["one"]["outstanding"] == 0
            ),
            60,
        )
        time.sleep(2)  # time for probes that one answers and the other does not
        still = services.ask("transmitter", op="status")
        assert (still["bursts"], still["lost"]) == (stuck["bursts"], 0)
    finally:
        os.kill(services.pids["two"], signal.SIGCONT)
    after = services.wait_for("transmitter", lambda status: status["bursts"] >= stuck["bursts"] + 3, 60)
    assert after["lost"] == 0

    places = {place: f"ipc://{tmp_path / f'other-{place.name}'}" for place in (RESULTS, RECEIVER_CONTROL)}
    link = services.ask("two", op="status")["link"]  # whichever of the two was ready first has link 1
    services.start("receiver", "--name", "two", *QUICK, label="other", addresses=places)
    services.wait_for("other", lambda status: status["link"] == link, 120)
    deadline = time.monotonic() + 30
    while services.exit_code("two") is None and time.monotonic() < deadline:
        time.sleep(0.05)
    assert services.exit_code("two") == 1
    assert "another receiver has joined the channel under the name 'two'" in services.last_words("two")
    assert "--name" in services.last_words("two")
    more = services.ask("transmitter", op="status")["receivers"]["two"]["delivered"] + 3
    services.wait_for("transmitter", lambda status: status["receivers"]["two"]["delivered"] >= more, 60)


def test_receivers_find_a_channel_that_was_restarted(services: Services, clip: Path, tmp_path: Path) -> None:
    services.start("channel")
    for name in ("one", "two"):
        start_receiver(services, tmp_path, name)
    services.start(
        "transmitter", str(clip), "--repeat", "0", "--scheme", "desc-only", "--threads", "1", "--window", str(WINDOW)
    )
    before = services.wait_for(
        "transmitter",
        lambda status: (
            len(status["receivers"]) == 2 and all(book["delivered"] > 2 for book in status["receivers"].values())
        ),
        120,
    )
    services.kill("channel")
    services.start("channel")
    after = services.wait_for(
        "transmitter",
        lambda status: all(
            book["delivered"] >= before["receivers"][name]["delivered"] + 5
            for name, book in status["receivers"].items()
        ),
        60,
    )
    assert balanced(after)
    assert all(book["live"] and book["lost"] <= WINDOW for book in after["receivers"].values())
    assert {link["name"] for link in services.ask("channel", op="status")["links"]} == {"one", "two"}
