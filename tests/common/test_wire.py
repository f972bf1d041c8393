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
    header = {"v": 3, "kind": "burst", **BURST, **changes}
    return packed({k: v for k, v in header.items() if v != "absent"}, SAMPLES.tobytes())


def test_round_trip_shares_memory_with_the_frame() -> None:
    frames = wire.encode("burst", BURST, (SAMPLES,))
    assert frames[1] is SAMPLES
    message = wire.decode(frames, ("burst",))
    np.testing.assert_array_equal(message.samples(), SAMPLES)
    assert np.shares_memory(message.samples(), SAMPLES)


def test_payload_is_little_endian_interleaved_float32() -> None:
    message = wire.decode(
        [*packed({"v": 3, "kind": "burst", **BURST, "samples": 1}), b"\0\0\x80\x3f\0\0\0\xc0"], ("burst",)
    )
    assert message.samples()[0] == 1 - 2j


def test_a_message_without_payload_has_an_empty_one() -> None:
    frames = wire.encode("probe", {"session": SESSION, "probe": 1, "links": []})
    assert frames[1:] == [b""]
    assert wire.decode(frames, ("probe",)).payloads == ()


@pytest.mark.parametrize(
    ("frames", "words"),
    [
        ([], "2 to 18 frames"),
        ([b"x"], "2 to 18 frames"),
        ([b"", b""], "1 to 16384 bytes"),
        ([b"x" * 20000, b""], "1 to 16384 bytes"),
        ([b"\xc1", b""], "not valid msgpack"),
        ([b"\xdf\xff\xff\xff\xff", b""], "not valid msgpack"),
        ([b"\x91" * 3000, b""], "not valid msgpack"),
        (packed([1, 2], b""), "not a map"),
        (packed({1: 2}, b""), "not valid msgpack|not a map"),
        (packed({"v": 1, "kind": "burst"}, b""), "version 1"),
        (packed({"v": 2, "kind": "burst"}, b""), "version 2"),
        (packed({"kind": "burst"}, b""), "version None"),
        (packed({"v": 3, "kind": "request", "op": "get"}, b""), "'request' on a socket that takes burst"),
        (packed({"v": 3, "kind": ["burst"]}, b""), "kind"),
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
        ([*burst_frames(), *[b""] * 17], "2 to 18 frames"),
    ],
)
def test_what_is_wrong_is_refused_with_one_line(frames: list[bytes], words: str) -> None:
    with pytest.raises(ProtocolError, match=words) as caught:
        wire.decode(frames, ("burst",))
    assert "\n" not in str(caught.value)


def told(name: str, shape: tuple[int, ...] = (), /, **changes: object) -> dict[str, object]:
    """What a result says of one section."""
    return {"name": name, "modality": "frame", "snr_db": 3.0, "failed": False, "shape": list(shape), **changes}


RESULT = {
    "session": SESSION,
    "seq": 7,
    "receiver": "a",
    "clip": 1,
    "scheme": "first-frame-desc",
    "snr_db": 3.0,
    "text": "A car.",
    "text_ok": True,
    "failed": [],
    "generator": "mini",
    "task": "frame-text",
    "seconds": {},
    "gaps": 0,
    "shape": [1, 2, 2, 3],
}
VIDEO = np.arange(12, dtype=np.uint8).reshape(1, 2, 2, 3)


def result_frames(sections: object, *pictures: np.ndarray) -> list[bytes]:
    header = {"v": 3, "kind": "result", **RESULT, "sections": sections}
    return packed(header, VIDEO.tobytes(), *(picture.tobytes() for picture in pictures))


def test_a_result_has_the_pictures_of_its_sections_by_name() -> None:
    frame, sketches = (
        np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8) for shape in ((2, 3, 3), (4, 5))
    )
    sections = [told("description"), told("first_frame", frame.shape), told("motion"), told("sketches", sketches.shape)]
    fields = {**RESULT, "sections": sections}
    for frames in (wire.encode("result", fields, (VIDEO, frame, sketches)), result_frames(sections, frame, sketches)):
        message = wire.decode(frames, ("result",))
        video, pictures = message.video(), message.section_pictures()
        assert video is not None
        np.testing.assert_array_equal(video, VIDEO)
        assert list(pictures) == ["first_frame", "sketches"]
        np.testing.assert_array_equal(pictures["first_frame"], frame)
        np.testing.assert_array_equal(pictures["sketches"], sketches)
    nothing = wire.decode(result_frames([]), ("result",))
    assert nothing.section_pictures() == {}


def test_a_result_of_as_many_sections_as_there_may_be_goes_through() -> None:
    most = [told(f"{number:02}" + "x" * 62, (1, 2)) for number in range(wire.MAX_SECTIONS)]
    frames = [bytes(frame) for frame in wire.encode("result", {**RESULT, "sections": most}, (VIDEO, *[b"ab"] * 16))]
    assert len(wire.decode(frames, ("result",)).section_pictures()) == wire.MAX_SECTIONS


PICTURE = np.zeros((2, 2), np.uint8)


@pytest.mark.parametrize(
    ("frames", "words"),
    [
        (result_frames(None), "'sections'"),
        (result_frames({}), "'sections'"),
        (result_frames(["first_frame"]), "'sections'"),
        (result_frames([{}]), "'sections'"),
        (result_frames([{k: v for k, v in told("a").items() if k != "snr_db"}]), "'sections'"),
        (result_frames([told("a", value=1)]), "'sections'"),
        (result_frames([told("a", name=7)]), "'sections'"),
        (result_frames([told("x" * 65)]), "'sections'"),
        (result_frames([told("a", modality=None)]), "'sections'"),
        (result_frames([told("a", modality="x" * 33)]), "'sections'"),
        (result_frames([told("a", snr_db="loud")]), "'sections'"),
        (result_frames([told("a", snr_db=float("nan"))]), "'sections'"),
        (result_frames([told("a", failed=0)]), "'sections'"),
        (result_frames([told("a", shape=None)]), "'sections'"),
        (result_frames([told("a", (2, 2, 3, 1))], PICTURE), "'sections'"),
        (result_frames([told("a", (0, 2))]), "'sections'"),
        (result_frames([told("a", (-2, -2))], PICTURE), "'sections'"),
        (result_frames([told("a", (2, 65537))]), "'sections'"),
        (result_frames([told("a", shape=[2, 2.0])], PICTURE), "'sections'"),
        (result_frames([told("a", shape=[2, True])]), "'sections'"),
        (result_frames([told(str(number)) for number in range(wire.MAX_SECTIONS + 1)]), "'sections'"),
        # shapes and payloads that do not agree
        (result_frames([told("a", (2, 2))]), "payloads of"),
        (result_frames([told("a", (2, 3))], PICTURE), "payloads of"),
        (result_frames([told("a")], PICTURE), "payloads of"),
        (result_frames([told("a", (2, 2))], PICTURE, PICTURE), "payloads of"),
        (result_frames([told("a", (2, 2)), told("b", (1, 3))], np.zeros(3, np.uint8), PICTURE), "payloads of"),
        (result_frames([told("a", (65536, 65536, 65536))], PICTURE), "payloads of"),
        (result_frames([], *[PICTURE] * (wire.MAX_SECTIONS + 1)), "2 to 18 frames"),
    ],
)
def test_a_result_with_bad_sections_is_refused(frames: list[bytes], words: str) -> None:
    with pytest.raises(ProtocolError, match=words) as caught:
        wire.decode(frames, ("result",))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("sections", [[told("a", value=1)], [told("a", (2, 0))], [told("a")] * 17])
def test_no_receiver_can_send_bad_sections(sections: list[object]) -> None:
    with pytest.raises(ProtocolError, match="'sections'"):
        wire.encode("result", {**RESULT, "sections": sections}, (VIDEO,))


@pytest.mark.parametrize(
    "modes", [None, [], {"a": 1}, {1: "a"}, {"x" * 65: "1/3"}, {"a": "x" * 65}, {str(k): "1/3" for k in range(17)}]
)
def test_a_preview_with_bad_modes_is_refused(modes: object) -> None:
    about = {"session": SESSION, "seq": 7, "clip": 1, "name": "", "caption": "", "sent": "", "scheme": "desc-only"}
    fields = {**about, "tx_snr_db": 3.0, "seconds": {}, "shape": [1, 2, 2, 3]}
    video = wire.decode(
        wire.encode("preview", {**fields, "modes": {"a": "1/3", "b": ""}}, (VIDEO,)), ("preview",)
    ).video()
    assert video is not None
    np.testing.assert_array_equal(video, VIDEO)
    with pytest.raises(ProtocolError, match="'modes'"):
        wire.encode("preview", {**fields, "modes": modes}, (VIDEO,))


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
