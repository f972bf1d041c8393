"""Streams of a client: right values, hostile messages, time-outs, gaps, restarts, and an end at any time."""

from __future__ import annotations

import gc
import math
import threading
import time
from typing import Any

import msgpack
import numpy as np
import pytest

from common import wire
from common.endpoints import CHANNEL_CONTROL, PREVIEW, RESULTS, TAP
from common.errors import EndpointError, SettingError
from gvsc.client import Client, Gap, Preview, Result, TappedBurst
from gvsc.client.stream import MAX_PATHS

SESSION = "0123456789abcdef"
FRAME = {"name": "first_frame", "modality": "frame", "snr_db": 5.0, "failed": False, "shape": [32, 64, 3]}
SKETCHES = {"name": "sketches", "modality": "sketch", "snr_db": None, "failed": True, "shape": [32, 192]}
RESULT: dict[str, Any] = {"shape": [2, 32, 64, 3], "sections": [FRAME]}


def test_a_burst_is_measured(system: Any, client: Client) -> None:
    with client.bursts(timeout_s=5) as bursts:
        system.heard(TAP)
        system.tap(1.1, seq=7, link=2, receiver="two")
        burst = next(bursts)
    assert isinstance(burst, TappedBurst)
    assert (burst.session, burst.seq, burst.link, burst.receiver) == (SESSION, 7, 2, "two")
    assert burst.header is not None
    assert (burst.content, burst.header.clip) == ("desc-only 1/3", 3)
    assert (burst.snr_set_db, burst.gain_db, burst.model) == (20.0, 0.0, "awgn")
    assert burst.before.dtype == burst.after.dtype == np.complex64
    assert burst.snr_measured_db == pytest.approx(20, abs=0.01)
    assert burst.power == pytest.approx(1, abs=1e-3)
    assert burst.evm_rms == pytest.approx(0.1, abs=1e-4)


def test_a_preview_and_a_result(system: Any, client: Client) -> None:
    with client.previews(timeout_s=5) as previews, client.results(timeout_s=5) as results:
        system.heard(PREVIEW, RESULTS)
        video = np.full((2, 32, 64, 3), 9, np.uint8)
        system.preview(video)
        system.result(video, video[1], np.full((32, 192), 4, np.uint8), sections=[FRAME, SKETCHES], failed=["sketches"])
        sent, got = next(previews), next(results)
    assert isinstance(sent, Preview)
    assert (sent.clip, sent.name, sent.caption, sent.sent, sent.scheme) == (3, "a", "A.", "A.", "first-frame-desc")
    assert (sent.modes, sent.mode, sent.tx_snr_db, sent.seconds) == (
        {"description": "1/3"},
        "1/3",
        6.0,
        {"encode": 0.5},
    )
    np.testing.assert_array_equal(sent.video, video)
    assert isinstance(got, Result)
    assert (got.receiver, got.clip, got.scheme, got.snr_db, got.text, got.text_ok) == (
        *("one", 3, "first-frame-desc", 5.5, "A.", True),
    )
    assert (got.failed, got.generator, got.task, got.seconds, got.gaps) == (
        *(("sketches",), "mini", "frame-text", {"decode": 1.0}, 0),
    )
    np.testing.assert_array_equal(got.video, video)
    assert list(got.sections) == ["first_frame", "sketches"]
    frame, sketches = got.sections.values()
    assert (frame.modality, frame.shape, frame.failed, frame.snr_db) == ("frame", (32, 64, 3), False, 5.0)
    assert (sketches.modality, sketches.shape, sketches.failed, sketches.snr_db) == ("sketch", (32, 192), True, None)
    assert sketches.picture is not None
    assert (sketches.picture == 4).all()


def test_an_outage_is_a_result(system: Any, client: Client) -> None:
    with client.results(timeout_s=5) as results:
        system.heard(RESULTS)
        nothing = dict.fromkeys(("clip", "scheme", "snr_db", "text", "generator", "task"))
        video = np.zeros((8, 32, 32, 3), np.uint8)
        system.result(video, **nothing, text_ok=False, failed=["header"], shape=[8, 32, 32, 3], sections=[])
        got = next(results)
    assert (got.clip, got.scheme, got.task, got.sections, got.failed) == (None, None, None, {}, ("header",))


@pytest.mark.parametrize(
    ("link", "seen"), [(None, [1, 2, 3]), (2, [2]), ("two", [2]), ("3", [2, 3]), (3, [3]), ("none", [])]
)
def test_one_link_by_number_or_name(system: Any, client: Client, link: int | str | None, seen: list[int]) -> None:
    with client.bursts(link=link) as bursts:
        system.heard(TAP)
        for number, name in ((1, "one"), (2, "3" if link == "3" else "two"), (3, "three")):
            system.tap(link=number, receiver=name)
        found = []
        while (burst := bursts.receive(1.0 if len(found) < len(seen) else 0.1)) is not None:
            found.append(burst.link)
    assert found == seen


@pytest.mark.parametrize("link", [0, 65, -1, True, 1.5, "", "two words", "\x1b[2J"])
def test_no_such_link_is_refused(client: Client, link: Any) -> None:
    with pytest.raises(SettingError, match="a link is a number of 1 … 64 or a receiver's name"):
        client.bursts(link=link)


def test_results_of_one_receiver(system: Any, client: Client) -> None:
    with pytest.raises(SettingError, match="no receiver can be called"):
        client.results(receiver="two words")
    with client.results(receiver="two", timeout_s=5) as results:
        system.heard(RESULTS)
        for seq, name in enumerate(("one", "two", "one", "two")):
            system.result(receiver=name, seq=seq)
        assert [next(results).seq for _ in range(2)] == [1, 3]


def test_events_are_one_stream_of_all_kinds(system: Any, client: Client) -> None:
    with client.events(link="one", receiver="one", timeout_s=5) as events:
        system.heard(TAP, PREVIEW, RESULTS)
        for seq in range(3):
            system.tap(seq=seq)
            system.tap(seq=seq, link=2, receiver="two")
            system.preview(seq=seq)
            system.result(seq=seq)
            system.result(seq=seq, receiver="two")
        seen = [next(events) for _ in range(9)]
        assert events.receive(0.05) is None
    for kind in (TappedBurst, Preview, Result):
        assert [event.seq for event in seen if isinstance(event, kind)] == [0, 1, 2]
    system.heard(TAP, PREVIEW, RESULTS, count=0)
    with client.events(bursts=False, results=False, timeout_s=5) as events:
        system.heard(PREVIEW)
        system.preview()
        assert isinstance(next(events), Preview)
    with pytest.raises(SettingError, match="takes bursts, previews or results"):
        client.events(bursts=False, previews=False, results=False)


def test_a_time_out_says_where_and_how_long_and_the_stream_goes_on(system: Any, client: Client) -> None:
    address = system.addresses[TAP]
    with client.bursts(timeout_s=0.05) as bursts:
        began = time.monotonic()
        with pytest.raises(EndpointError, match=f"no burst at {address} within 0.05 s, 0 seen: is the channel running"):
            next(bursts)
        assert 0.05 <= time.monotonic() - began < 2
        system.heard(TAP)
        system.tap(seq=4)
        assert bursts.receive(5).seq == 4  # type: ignore[union-attr]
        with pytest.raises(EndpointError, match="1 seen"):
            next(bursts)
    with (
        client.events(timeout_s=0) as events,
        pytest.raises(EndpointError, match=r"burst at .*tap or preview at .*preview or .*transmitter and receiver"),
    ):
        next(events)


@pytest.mark.parametrize("timeout_s", [-1, math.nan, math.inf, "5", True])
def test_a_time_out_that_is_none_is_refused(client: Client, timeout_s: Any) -> None:
    with pytest.raises(SettingError, match="a time-out is a number of seconds"):
        client.bursts(timeout_s=timeout_s)


@pytest.mark.parametrize("queue", [0, -1, 1 << 30, 2.5])
def test_a_queue_without_an_end_is_refused(client: Client, queue: Any) -> None:
    with pytest.raises(SettingError, match="a queue is for 1 … 1048576 messages"):
        client.bursts(queue=queue)


def test_what_others_send_does_not_extend_the_wait(system: Any, client: Client) -> None:
    stop = threading.Event()

    def chatter() -> None:
        while not stop.wait(0.01):
            system.tap(link=1)

    with client.bursts(link=2, timeout_s=0.3) as bursts:
        system.heard(TAP)
        thread = threading.Thread(target=chatter)
        thread.start()
        try:
            with pytest.raises(EndpointError, match="0 seen"):
                next(bursts)
        finally:
            stop.set()
            thread.join()


def hostile() -> dict[str, list[bytes]]:
    header = {"v": wire.VERSION, "kind": "tap", "session": SESSION, "seq": 0, "samples": 1, "dtype": "cf32_le"}
    header |= {"link": 1, "receiver": "a", "snr_set_db": 1.0, "gain_db": 0.0, "model": "awgn"}

    def changed(**fields: Any) -> list[bytes]:
        return [msgpack.packb({**header, **fields}), bytes(8), bytes(8)]

    return {
        "no msgpack": [b"\xc1" * 30, b""],
        "one frame": [b"x"],
        "many frames": [b"x"] * 40,
        "another version": changed(v=1),
        "another kind": changed(kind="result"),
        "a link beyond the last": changed(link=65),
        "too few samples": changed(samples=2),
        "a name with an escape": changed(receiver="\x1b[2J"),
        "an SNR that is none": changed(snr_set_db=math.nan),
        "a negative number": changed(seq=-1),
    }


@pytest.mark.parametrize("name", hostile())
def test_a_message_that_fails_its_checks_is_counted_and_told(system: Any, client: Client, name: str) -> None:
    told: list[str] = []
    with client.bursts(timeout_s=5, on_refused=told.append) as bursts:
        system.heard(TAP)
        system.raw(TAP, *hostile()[name])
        system.tap(seq=9)
        assert next(bursts).seq == 9
        assert (bursts.refused, len(told), bursts.seen) == (1, 1, 1)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"shape": []}, "cannot have the shape"),
        ({"shape": [2, 32, 192]}, "cannot have the shape"),
        ({"shape": [2, 64, 32, 0]}, "cannot have the shape"),
        ({"shape": [2, 32, 96, 2]}, "cannot have the shape"),
    ],
)
def test_a_preview_that_is_none_is_refused(system: Any, client: Client, fields: dict[str, Any], words: str) -> None:
    told: list[str] = []
    with client.previews(timeout_s=5, on_refused=told.append) as previews:
        system.heard(PREVIEW)
        shape = fields.get("shape", [2, 32, 64, 3])
        system.preview(np.zeros(math.prod(shape) if shape else 0, np.uint8), **fields)
        system.preview(seq=1)
        assert next(previews).seq == 1
    assert len(told) == previews.refused == 1
    assert words in told[0]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"clip": 1.5}, "a clip's number is whole"),
        ({"sections": [FRAME | {"shape": [2048]}]}, "a first_frame cannot have the shape"),
        ({"sections": [FRAME | {"shape": [32, 64, 4]}]}, "a first_frame cannot have the shape"),
        ({"sections": [FRAME, FRAME]}, "two sections have the same name"),
        ({"shape": [4096, 3]}, "a video cannot have the shape"),
    ],
)
def test_a_result_that_is_none_is_refused(system: Any, client: Client, fields: dict[str, Any], words: str) -> None:
    told: list[str] = []
    with client.results(timeout_s=5, on_refused=told.append) as results:
        system.heard(RESULTS)
        about = {**RESULT, **fields}
        shapes = [about["shape"], *(section["shape"] for section in about["sections"])]
        system.result(*(np.zeros(math.prod(shape) if shape else 0, np.uint8) for shape in shapes), **fields)
        system.result(seq=1)
        assert next(results).seq == 1
    assert len(told) == 1
    assert words in told[0]


def test_samples_that_are_not_finite_raise_nothing_even_where_numpy_is_told_to(system: Any, client: Client) -> None:
    with client.bursts(timeout_s=5) as bursts, np.errstate(all="raise"):
        system.heard(TAP)
        with np.errstate(all="ignore"):
            system.tap(complex(np.inf, 1))
        assert next(bursts).facts()["snr_measured_db"] is None


def test_jumps_are_gaps_of_their_link_and_session(system: Any, client: Client) -> None:
    gaps: list[Gap] = []
    with client.bursts(timeout_s=5, on_gap=gaps.append) as bursts:
        system.heard(TAP)
        other = "f" * 16
        for link, session, seq in (
            (1, SESSION, 5),  # nobody knows what came before
            (2, SESSION, 9),
            (1, SESSION, 6),
            (1, SESSION, 9),
            (2, SESSION, 10),
            (1, other, 3),  # a transmitter that was restarted
            (1, other, 2),
            (1, other, 3),
            (1, other, 5),
        ):
            system.tap(link=link, receiver="one" if link == 1 else "two", session=session, seq=seq)
        for _ in range(9):
            next(bursts)
        assert bursts.missed == 3
    assert gaps == [Gap("burst", SESSION, 7, 2, 1, "one"), Gap("burst", other, 4, 1, 1, "one")]


def test_names_by_the_thousand_are_not_remembered(system: Any, client: Client) -> None:
    with client.results(timeout_s=5) as results:
        system.heard(RESULTS)
        for number in range(400):
            system.result(receiver=f"r{number}", seq=number)
            next(results)
        assert len(results._expected) <= MAX_PATHS < 400
        system.result(receiver="r399", seq=401)
        next(results)
        assert results.missed == 1


def test_a_reader_that_is_slow_sees_gaps_and_the_memory_is_bounded(system: Any, client: Client) -> None:
    with client.previews(timeout_s=5, queue=4) as previews:
        system.heard(PREVIEW)
        for seq in range(2000):
            system.preview(seq=seq)
        seen = 0
        while previews.receive(0.5) is not None:
            seen += 1
        system.preview(seq=2000)
        assert next(previews).seq == 2000
        assert seen + previews.missed == 2000
        assert previews.missed > 1000


def test_a_stream_survives_a_restart_of_what_it_looks_at(system: Any, client: Client) -> None:
    with client.bursts(timeout_s=10) as bursts:
        system.heard(TAP)
        system.tap(seq=0)
        assert next(bursts).seq == 0
        for seq in (1, 2):
            system.stop(TAP)
            assert bursts.receive(0.1) is None
            system.start(TAP)
            system.heard(TAP)
            system.tap(seq=seq)
            assert next(bursts).seq == seq
        assert bursts.missed == 0


def test_a_publisher_may_start_later(system: Any, client: Client) -> None:
    system.stop(TAP)
    with client.bursts(timeout_s=10) as bursts:
        assert bursts.receive(0.1) is None
        system.start(TAP)
        system.heard(TAP)
        system.tap()
        assert next(bursts).seq == 0


def test_closing_within_the_loop_ends_it(system: Any, client: Client) -> None:
    bursts = client.bursts(timeout_s=5)
    system.heard(TAP)
    for seq in range(3):
        system.tap(seq=seq)
    seen = []
    for burst in bursts:
        seen.append(burst.seq)
        bursts.close()
        bursts.close()
    assert seen == [0]
    assert bursts.closed
    assert list(bursts) == []
    with pytest.raises(EndpointError, match="the stream is closed"):
        bursts.receive(0)


def test_closing_within_a_callback_ends_it(system: Any, client: Client) -> None:
    bursts = client.bursts(timeout_s=5, on_refused=lambda why: bursts.close())
    system.heard(TAP)
    system.raw(TAP, b"nonsense", b"")
    system.tap()
    assert list(bursts) == []


@pytest.mark.parametrize("by", ["stream", "client"])
def test_closing_from_another_thread_ends_a_wait(system: Any, by: str) -> None:
    client = Client(system.addresses)
    bursts = client.bursts()
    seen: list[int] = []
    reader = threading.Thread(target=lambda: seen.extend(burst.seq for burst in bursts))
    reader.start()
    system.heard(TAP)
    system.tap(seq=6)
    deadline = time.monotonic() + 5
    while not seen and time.monotonic() < deadline:
        time.sleep(0.01)
    (bursts if by == "stream" else client).close()
    reader.join(5)
    assert not reader.is_alive()
    assert seen == [6]
    client.close()


def test_leaving_the_client_closes_what_is_open(system: Any) -> None:
    with Client(system.addresses) as client:
        bursts = client.bursts()
        for _ in range(3):
            client.bursts()  # dropped at once
    assert bursts.closed
    client.close()
    for call in (client.bursts, client.previews, client.results, client.events, lambda: client.status("channel")):
        with pytest.raises(EndpointError, match="the client is closed"):
            call()


def test_a_stream_that_is_dropped_leaves_nothing_open(system: Any, client: Client) -> None:
    bursts = client.bursts(timeout_s=5)
    system.heard(TAP)
    system.tap()
    for _ in bursts:
        break
    del bursts
    gc.collect()  # an unclosed socket would warn here, and a warning fails the test


def test_impossible_addresses_are_refused(system: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(EndpointError, match="is not an address"):
        Client({TAP: "udp://somewhere"})
    monkeypatch.setenv(TAP.environment, "nowhere")
    with Client() as client, pytest.raises(EndpointError, match="is not an address"):
        client.bursts()
    with Client({TAP: f"ipc:///{'x' * 200}"}) as client, pytest.raises(EndpointError, match="tap: cannot connect"):
        client.bursts()


def test_the_environment_says_where(system: Any, knobs: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for place in (TAP, CHANNEL_CONTROL):
        monkeypatch.setenv(place.environment, system.addresses[place])
    with Client() as client, client.bursts(timeout_s=5) as bursts:
        system.heard(TAP)
        system.tap(seq=2)
        assert next(bursts).seq == 2
        assert client.get("channel", "snr_db") == 10
