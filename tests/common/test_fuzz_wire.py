"""The framing layer under fire: random and mutated messages for every socket raise ProtocolError and nothing else."""

from __future__ import annotations

import contextlib
import itertools
import json
import random
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgpack
import numpy as np
import pytest
import zmq

from common import endpoints, wire
from common.endpoints import CHANNEL_CONTROL, DOWNLINK, FEEDBACK, RECEIVER_CONTROL, TRANSMITTER_CONTROL, UPLINK
from common.errors import ProtocolError
from gvsc.services import ROLES, Services, private_addresses

SOCKETS = {
    "uplink at the channel": ("burst", "probe"),
    "downlink at the channel": ("join",),
    "downlink at the receiver": ("burst", "probe", "joined", "dismissed"),
    "feedback at the transmitter": ("hello", "ack", "pong"),
    "tap at a viewer": ("tap",),
    "preview at a viewer": ("preview",),
    "results at a viewer": ("result",),
    "control at a process": ("request",),
    "control at a viewer": ("reply",),
}
"""Which kinds each receiving socket takes."""

QUICK, FULL = 2_000, 100_000
"""Messages a socket: always, and in the slow test."""

MIB = 1 << 20

ABOUT = {"session": "0123456789abcdef", "seq": 7}
TWELVE = bytes(12)
EXAMPLES: dict[str, tuple[dict[str, Any], tuple[bytes, ...]]] = {
    "burst": ({**ABOUT, "samples": 3, "dtype": "cf32_le"}, (bytes(24),)),
    "probe": ({"session": ABOUT["session"], "probe": 3, "links": ["a", "b"]}, ()),
    "join": ({"name": "a", "life": ABOUT["session"]}, ()),
    "joined": ({"link": 1}, ()),
    "dismissed": ({"reason": "full"}, ()),
    "hello": ({"name": "a"}, ()),
    "ack": ({**ABOUT, "name": "a", "snr_db": 3.5, "failed": ["header"], "gaps": 0}, ()),
    "pong": (
        {"session": ABOUT["session"], "probe": 3, "name": "a", "links": ["a"], "holding": [5, 6], "gaps": 0},
        (),
    ),
    "tap": (
        {
            **ABOUT,
            "samples": 3,
            "dtype": "cf32_le",
            "link": 1,
            "receiver": "a",
            "snr_set_db": 3.0,
            "gain_db": None,
            "model": "awgn",
        },
        (bytes(24), bytes(24)),
    ),
    "preview": (
        {
            **ABOUT,
            "clip": 1,
            "name": "clip",
            "caption": "A car.",
            "sent": "A car.",
            "scheme": "desc-only",
            "modes": {"description": "1/3"},
            "tx_snr_db": 3.0,
            "seconds": {"encode": 0.5},
            "shape": [1, 2, 2, 3],
        },
        (TWELVE,),
    ),
    "result": (
        {
            **ABOUT,
            "receiver": "a",
            "clip": 1,
            "scheme": "desc-only",
            "snr_db": 3.0,
            "text": None,
            "text_ok": False,
            "failed": ["description"],
            "generator": None,
            "task": None,
            "seconds": {"decode": 0.5},
            "gaps": 0,
            "shape": [1, 2, 2, 3],
            "sections": [
                {"name": "description", "modality": "text", "snr_db": None, "failed": True, "shape": []},
                {"name": "first_frame", "modality": "frame", "snr_db": 3.0, "failed": False, "shape": [2, 2, 3]},
                {"name": "sketches", "modality": "sketch", "snr_db": 3.0, "failed": False, "shape": [2, 6]},
            ],
        },
        (TWELVE, TWELVE, TWELVE),
    ),
    "request": ({"op": "set", "key": "snr_db", "value": 3, "from_seq": 9, "link": 1}, ()),
    "reply": ({"ok": True, "result": {"snr_db": {"value": 3, "help": "SNR", "choices": ["a", "b"]}}}, ()),
}

Pairs = list[tuple[bytes, bytes]]


def nested(depth: int, opening: bytes, end: bytes) -> bytes:
    return opening * depth + end


HOSTILE_VALUES = [
    *(msgpack.packb(v) for v in (-1, 0, 1, 2**31, 2**63 - 1, 2**63, 2**64 - 1, -(2**63), 4097, 1 << 22, (1 << 22) + 1)),
    *(msgpack.packb(v) for v in (float("nan"), float("inf"), -float("inf"), 1e308, -1e308, 5e-324, 0.5)),
    *(
        msgpack.packb(v)
        for v in (None, True, False, "", "auto", "x" * 300, "x" * 15000, "\x1b[2J", "\u202e", "../../x")
    ),
    *(msgpack.packb(v) for v in ([], {}, [0] * 1024, [0] * 1025, ["x"] * 70, [[]] * 300, [4096] * 4, [0, 0, 0, 0])),
    *(
        msgpack.packb(v)
        for v in ({str(i): i for i in range(256)}, {str(i): {} for i in range(300)}, {"a": {"b": [{}]}})
    ),
    *(msgpack.packb(v) for v in (b"bytes", msgpack.ExtType(5, b"x" * 9), msgpack.Timestamp(1, 2), {1: 2}, {b"k": 1})),
    *(nested(depth, b"\x91", b"\xc0") for depth in (5, 100, 480, 900, 1023, 1025, 15000)),
    *(nested(depth, b"\x81\xa1k", b"\xc0") for depth in (5, 9, 100, 480, 900, 1025, 5000)),
    *(b"\xdd\xff\xff\xff\xff", b"\xdf\xff\xff\xff\xff", b"\xdb\xff\xff\xff\xff", b"\xc6\xff\xff\xff\xff", b"\xc9\xff"),
    *(b"\xdc\x04\x00", b"\xc1", b"\xa3\xff\xfe\xfd", b"\xa3\xed\xa0\x80", b"\xd9", b"\xcb\x7f\xf0", b""),
]
"""Values, packed: out of range, of other types, without end, or no msgpack at all."""


def pairs_of(kind: str) -> Pairs:
    header = {"v": wire.VERSION, "kind": kind, **EXAMPLES[kind][0]}
    return [(msgpack.packb(key), msgpack.packb(value)) for key, value in header.items()]


def map_of(pairs: Pairs, claimed: int | None = None) -> bytes:
    count = len(pairs) if claimed is None else claimed
    start = bytes([0x80 | count]) if count < 16 else b"\xde" + count.to_bytes(2, "big")
    return start + b"".join(itertools.chain.from_iterable(pairs))


def bitten(data: bytes, rng: random.Random) -> bytes:
    """The bytes with a few of them flipped, cut, doubled or added."""
    made = bytearray(data)
    for _ in range(rng.randrange(1, 5)):
        at = rng.randrange(len(made) + 1)
        match rng.randrange(5):
            case 0 | 1 if at < len(made):
                made[at] ^= 1 << rng.randrange(8)
            case 2:
                del made[at : at + rng.randrange(1, 9)]
            case 3:
                made[at:at] = rng.randbytes(rng.randrange(1, 9))
            case _:
                made[at:at] = made[at : at + 8]
    return bytes(made)


def messages(kinds: tuple[str, ...], rng: random.Random) -> Iterator[list[bytes]]:
    """Frames without end: random ones, and valid messages of these kinds with something changed."""
    known = {kind: pairs_of(kind) for kind in EXAMPLES}
    keys = sorted({key for pairs in known.values() for key, _ in pairs})
    while True:
        kind = rng.choice(kinds) if rng.random() < 0.95 else rng.choice(list(EXAMPLES))
        pairs, payloads = list(known[kind]), list(EXAMPLES[kind][1]) or [b""]
        claimed = None
        match rng.randrange(9):
            case 0:
                yield [rng.randbytes(rng.randrange(80)) for _ in range(rng.randrange(5))]
                continue
            case 1 | 2:
                yield [bitten(map_of(pairs), rng), *payloads]
                continue
            case 3 | 4:
                for _ in range(rng.randrange(1, 3)):
                    at = rng.randrange(len(pairs))
                    pairs[at] = (pairs[at][0], rng.choice(HOSTILE_VALUES))
            case 5:
                del pairs[rng.randrange(len(pairs))]
                pairs.insert(rng.randrange(len(pairs) + 1), (rng.choice(keys), rng.choice(HOSTILE_VALUES)))
            case 6:  # keys twice, in another order, or more claimed than there are
                pairs.append((rng.choice(pairs)[0], rng.choice(HOSTILE_VALUES)))
                rng.shuffle(pairs)
                claimed = rng.choice([None, None, rng.randrange(70000) & 0xFFFF])
            case 7:
                pairs[rng.randrange(len(pairs))] = (rng.choice(HOSTILE_VALUES), b"\xc0")
            case _:
                at = rng.randrange(len(payloads))
                payloads[at : at + 1] = rng.choice(
                    ([], [b""], [payloads[at][:-1]], [payloads[at] * 2], [b"x"] * 3, [rng.randbytes(len(payloads[at]))])
                )
        yield [map_of(pairs, claimed), *payloads]


def use(message: wire.Message, allowed: tuple[str, ...]) -> None:
    """What any reader may do with a message that was accepted."""
    assert message.kind in allowed
    kind = wire.KINDS[message.kind]
    fields = {k: v for k, v in message.header.items() if k not in ("v", "kind")}
    assert set(kind.fields) <= set(fields) <= set(kind.fields) | set(kind.optional)
    json.dumps(fields, allow_nan=False)
    wire.encode_header(message.kind, fields)
    if "samples" in fields:
        assert all(message.samples(i).size == fields["samples"] for i in range(len(message.payloads)))
    if "shape" in fields:
        video = message.video()
        assert video is None or list(video.shape) == fields["shape"]
    if "sections" in fields:
        shapes = {section["name"]: section["shape"] for section in fields["sections"] if section["shape"]}
        assert {name: list(picture.shape) for name, picture in message.section_pictures().items()} == shapes


def fire(kinds: tuple[str, ...], count: int, seed: int) -> tuple[int, int]:
    """Decodes ``count`` messages: how many were accepted, and how much the resident memory grew, in bytes, after the
    first tenth."""
    rng = random.Random(seed)
    accepted = start = 0
    for number, frames in enumerate(itertools.islice(messages(kinds, rng), count)):
        if number == count // 10:
            start = resident_bytes()
        try:
            message = wire.decode(frames, kinds)
        except ProtocolError as error:
            words = str(error)
        else:
            words = ""
            use(message, kinds)
            accepted += 1
        assert len(words) < 400
        assert "\n" not in words
    return accepted, resident_bytes() - start


def resident_bytes() -> int:
    return int(re.search(r"VmRSS:\s+(\d+)", Path("/proc/self/status").read_text())[1]) << 10


def test_every_kind_is_under_fire_somewhere() -> None:
    assert {kind for kinds in SOCKETS.values() for kind in kinds} == set(wire.KINDS) == set(EXAMPLES)


@pytest.mark.parametrize("kind", list(EXAMPLES))
def test_the_examples_are_valid(kind: str) -> None:
    use(wire.decode([map_of(pairs_of(kind)), *(EXAMPLES[kind][1] or (b"",))], (kind,)), (kind,))


@pytest.mark.parametrize("socket", SOCKETS)
def test_hostile_messages_are_refused_and_nothing_else(socket: str) -> None:
    accepted, _ = fire(SOCKETS[socket], QUICK, seed=1)
    # A few changes are harmless (other text, a field twice): so they reach the checks behind the first.
    assert 0 < accepted < QUICK // 4


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_hundred_thousand_a_socket_leave_the_memory_flat() -> None:
    began = time.process_time()
    for socket, kinds in SOCKETS.items():
        accepted, grown = fire(kinds, FULL, seed=2)
        assert 0 < accepted < FULL // 4, socket
        assert grown < 8 * MIB, socket
    assert time.process_time() - began < 300


def test_over_a_socket_as_well() -> None:
    """With the frames that ZeroMQ hands out, and the message after each bad one still whole."""
    good = wire.encode("burst", EXAMPLES["burst"][0], EXAMPLES["burst"][1])
    with (
        zmq.Context() as context,
        endpoints.open_socket(context, zmq.PULL) as pull,
        endpoints.open_socket(context, zmq.PUSH) as push,
    ):
        endpoints.bind(pull, "inproc://fuzz", "fuzz")
        endpoints.connect(push, "inproc://fuzz", "fuzz")
        for frames in itertools.islice(messages(("burst", "probe"), random.Random(3)), QUICK):
            push.send_multipart(frames or [b""])
            push.send_multipart(good)
            with contextlib.suppress(ProtocolError):
                use(wire.receive(pull, ("burst", "probe")), ("burst", "probe"))
            np.testing.assert_array_equal(wire.receive(pull, ("burst",)).samples(), np.zeros(3))


@pytest.mark.parametrize("kind", ["ack", "preview", "request", "reply"])
def test_nesting_is_refused_and_not_followed(kind: str) -> None:
    for depth in (50, 500, 900, 1000, 1020, 16000):
        for opening, end in ((b"\x91", b"\xc0"), (b"\x81\xa1k", b"\xc0")):
            pairs = [
                (key, nested(depth, opening, end) if i == 2 else value) for i, (key, value) in enumerate(pairs_of(kind))
            ]
            with pytest.raises(ProtocolError):
                wire.decode([map_of(pairs), b""], (kind,))


def resident_of(pid: int) -> int:
    return int(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())[1]) << 10


@pytest.mark.e2e
@pytest.mark.timeout(300)
def test_live_processes_outlast_hostile_peers(tmp_path: Path) -> None:
    """Without keys, everyone on this machine may come in: all that is said is refused and counted, and work goes on."""
    at_the_door = {
        UPLINK: (zmq.PUSH, ("burst", "probe")),
        FEEDBACK: (zmq.PUSH, ("hello", "ack", "pong")),
        DOWNLINK: (zmq.DEALER, ("join",)),
        CHANNEL_CONTROL: (zmq.DEALER, ("request",)),
        TRANSMITTER_CONTROL: (zmq.DEALER, ("request",)),
        RECEIVER_CONTROL: (zmq.DEALER, ("request",)),
    }
    with Services(tmp_path / "logs", private_addresses(tmp_path)) as services, contextlib.ExitStack() as held:
        services.start("channel")
        services.start("receiver", "--steps", "1", "--guidance", "1", "--threads", "1")
        services.start("transmitter", "--repeat", "0", "--scheme", "desc-only", "--tx-snr-db", "6", "--threads", "1")
        services.wait_for("transmitter", lambda status: status["delivered"] >= 2, 120)
        strangers = {}
        for place, (kind, _) in at_the_door.items():
            strangers[place] = held.enter_context(services.context.socket(kind))
            strangers[place].set(zmq.LINGER, 0)
            strangers[place].set(zmq.SNDTIMEO, 20000)
            strangers[place].connect(services.addresses[place])

        def storm(count: int, seed: int) -> dict[str, int]:
            for place, (_, kinds) in at_the_door.items():
                for frames in itertools.islice(messages(kinds, random.Random(seed)), count):
                    try:
                        wire.decode(frames, kinds)
                    except ProtocolError:  # what is valid would be obeyed: here, only what is not
                        ask = place.name.endswith("control")
                        strangers[place].send_multipart([b"", *(frames or [b""])] if ask else frames or [b""])
                        if ask:
                            assert strangers[place].poll(20000), (place.name, frames)
                            empty, *answer = strangers[place].recv_multipart()
                            assert empty == b""
                            assert wire.decode(answer, ("reply",)).header["ok"] is False
            return {role: resident_of(pid) for role, pid in services.pids.items()}

        before = storm(500, 4)
        after = storm(1500, 5)
        assert {role: after[role] - before[role] for role in ROLES if after[role] - before[role] > 32 * MIB} == {}
        delivered = services.ask("transmitter", op="status")["delivered"]
        told = services.wait_for("transmitter", lambda status: status["delivered"] >= delivered + 3, 60)
        assert told["refused"] > 500
        assert told["lost"] == 0
        assert services.ask("channel", op="status")["refused"] > 1000
        for role in ROLES:
            assert services.exit_code(role) is None
            assert services.ask(role, op="status")["control_refused"] > 500
            assert "Traceback" not in (tmp_path / "logs" / f"{role}.log").read_text()
