"""The wire protocol: what is sent comes back, and what is wrong is refused before anything is made of it."""

from __future__ import annotations

import random

import msgpack
import numpy as np
import pytest
import zmq

from common import endpoints, wire
from common.errors import ProtocolError

SESSION = "0123456789abcdef"
BURST = {"session": SESSION, "seq": 7, "samples": 3, "dtype": "cf32_le"}
SAMPLES = np.array([1 + 2j, -3j, 0.5], dtype=np.complex64)


def packed(header: object, *payloads: bytes) -> list[bytes]:
    return [msgpack.packb(header), *payloads]


def burst_frames(**changes: object) -> list[bytes]:
    header = {"v": 2, "kind": "burst", **BURST, **changes}
    return packed({k: v for k, v in header.items() if v != "absent"}, SAMPLES.tobytes())


def test_round_trip_shares_memory_with_the_frame() -> None:
    frames = wire.encode("burst", BURST, (SAMPLES,))
    assert frames[1] is SAMPLES
    message = wire.decode(frames, ("burst",))
    np.testing.assert_array_equal(message.samples(), SAMPLES)
    assert np.shares_memory(message.samples(), SAMPLES)


def test_payload_is_little_endian_interleaved_float32() -> None:
    message = wire.decode(
        [*packed({"v": 2, "kind": "burst", **BURST, "samples": 1}), b"\0\0\x80\x3f\0\0\0\xc0"], ("burst",)
    )
    assert message.samples()[0] == 1 - 2j


def test_a_message_without_payload_has_an_empty_one() -> None:
    frames = wire.encode("probe", {"session": SESSION, "probe": 1, "links": []})
    assert frames[1:] == [b""]
    assert wire.decode(frames, ("probe",)).payloads == ()


@pytest.mark.parametrize(
    ("frames", "words"),
    [
        ([], "2 to 4 frames"),
        ([b"x"], "2 to 4 frames"),
        ([b"", b""], "1 to 16384 bytes"),
        ([b"x" * 20000, b""], "1 to 16384 bytes"),
        ([b"\xc1", b""], "not valid msgpack"),
        ([b"\xdf\xff\xff\xff\xff", b""], "not valid msgpack"),
        ([b"\x91" * 3000, b""], "not valid msgpack"),
        (packed([1, 2], b""), "not a map"),
        (packed({1: 2}, b""), "not valid msgpack|not a map"),
        (packed({"v": 1, "kind": "burst"}, b""), "version 1"),
        (packed({"kind": "burst"}, b""), "version None"),
        (packed({"v": 2, "kind": "request", "op": "get"}, b""), "'request' on a socket that takes burst"),
        (packed({"v": 2, "kind": ["burst"]}, b""), "kind"),
        (burst_frames(samples="absent"), "'samples' is missing"),
        (burst_frames(samples=4), "payloads of"),
        (burst_frames(samples=-1), "'samples'"),
        (burst_frames(samples=wire.MAX_SAMPLES + 1), "'samples'"),
        (burst_frames(samples=True), "'samples'"),
        (burst_frames(seq=1.5), "'seq'"),
        (burst_frames(seq=-1), "'seq'"),
        (burst_frames(session="../../etc/passwd"), "'session'"),
        (burst_frames(dtype="object"), "'dtype'"),
        (burst_frames(extra=1), "unknown field 'extra'"),
        ([*burst_frames(), b"more"], "payloads of"),
        ([*burst_frames(), b"", b"", b""], "2 to 4 frames"),
    ],
)
def test_what_is_wrong_is_refused_with_one_line(frames: list[bytes], words: str) -> None:
    with pytest.raises(ProtocolError, match=words) as caught:
        wire.decode(frames, ("burst",))
    assert "\n" not in str(caught.value)


JOIN = {"name": "hall-2.local_a", "life": SESSION}


@pytest.mark.parametrize("name", ["", "a" * 65, "../up", ".hidden", "-x", "a b", "naïve", "a/b", "a\n", None, 7, b"a"])
def test_a_receiver_is_called_something_plain(name: object) -> None:
    wire.encode("join", JOIN)
    with pytest.raises(ProtocolError, match="'name'"):
        wire.encode("join", {**JOIN, "name": name})


@pytest.mark.parametrize("link", [0, -1, wire.MAX_LINKS + 1, 1.0, True, "", "a b", None, []])
def test_a_link_is_a_number_or_a_name(link: object) -> None:
    for good in (1, wire.MAX_LINKS, "2", "weak"):
        wire.encode("request", {"op": "get", "link": good})
    with pytest.raises(ProtocolError, match="'link'"):
        wire.encode("request", {"op": "get", "link": link})


def test_no_process_can_send_what_it_would_refuse() -> None:
    with pytest.raises(ProtocolError):
        wire.encode("burst", {**BURST, "seq": -1}, (SAMPLES,))


def test_random_and_mutated_messages_never_raise_anything_else() -> None:
    rng = random.Random(1)
    good = [bytes(frame) for frame in wire.encode("burst", BURST, (SAMPLES,))]
    refused = 0
    for trial in range(20000):
        if trial % 2:
            frames = [rng.randbytes(rng.randrange(60)) for _ in range(rng.randrange(5))]
        else:
            frames = list(good)
            header = bytearray(frames[0])
            for _ in range(rng.randrange(1, 4)):
                header[rng.randrange(len(header))] = rng.randrange(256)
            frames[0] = bytes(header)
        try:
            wire.decode(frames, tuple(wire.KINDS))
        except ProtocolError:
            refused += 1
    assert refused > 15000


def test_what_comes_from_one_of_many_is_told_apart_and_answered() -> None:
    with zmq.Context() as context:
        router = endpoints.open_socket(context, zmq.ROUTER)
        address = endpoints.bind(router, "tcp://127.0.0.1:*", "test")
        dealers = [endpoints.open_socket(context, zmq.DEALER) for _ in range(2)]
        for number, dealer in enumerate(dealers):
            endpoints.connect(dealer, address, "test")
            dealer.send_multipart([b"x"] * 50)
            wire.send(dealer, "join", {**JOIN, "name": f"r{number}"})
        refused = joined = 0
        while joined < 2:
            try:
                peer, message = wire.receive_from(router, ("join",))
            except ProtocolError:
                refused += 1
                continue
            joined += 1
            wire.send_to(router, peer, "joined", {"link": 1 + int(message.header["name"][1:])})
        assert refused == 2
        assert [wire.receive(dealer, ("joined",)).header["link"] for dealer in dealers] == [1, 2]
        for socket in (router, *dealers):
            socket.close()


def test_the_header_can_be_handed_on_as_it_came() -> None:
    frames = [bytes(frame) for frame in wire.encode("burst", BURST, (SAMPLES,))]
    message = wire.decode(frames, ("burst",))
    assert wire.decode([message.packed, SAMPLES], ("burst",)).header == message.header


def test_receive_leaves_the_next_message_whole_after_a_bad_one() -> None:
    with zmq.Context() as context:
        pull = endpoints.open_socket(context, zmq.PULL)
        address = endpoints.bind(pull, "tcp://127.0.0.1:*", "test")
        push = endpoints.open_socket(context, zmq.PUSH)
        endpoints.connect(push, address, "test")
        push.send_multipart([b"x"] * 50)
        wire.send(push, "burst", BURST, (SAMPLES,))
        with pytest.raises(ProtocolError):
            wire.receive(pull, ("burst",))
        assert wire.receive(pull, ("burst",)).header["seq"] == 7
        pull.close()
        push.close()
