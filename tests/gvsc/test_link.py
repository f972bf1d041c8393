"""The whole link in one process: what arrives at which SNR, what is said when something does not, and equal bytes."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from channel.channel import Channel
from common.clip import Clip
from common.codecs import text
from common.coding import transport
from common.errors import PackageError, SchemeError, SettingError
from gvsc.evaluation.metrics import measure
from gvsc.evaluation.metrics.edge_f1 import edge_f1
from gvsc.link import Link, LinkRun
from receiver.listen import listen
from receiver.receiver import GREY, Receiver
from transmitter.transmitter import Transmitter

CAPTION = "A red square rests on a blue field under a bright sky, and nothing else is there."


@pytest.fixture(scope="module")
def clip() -> Clip:
    y, x = np.mgrid[:256, :256]
    picture = np.stack([40 + x // 3, 60 + y // 3, np.full_like(x, 150)], axis=-1).astype(np.uint8)
    picture[80:160, 60:140] = (220, 40, 30)
    return Clip(np.repeat(picture[None], 8, axis=0), caption=CAPTION, name="square")


@pytest.fixture(scope="module")
def transmitter() -> Transmitter:
    return Transmitter(describe="captions")


@pytest.fixture(scope="module")
def receiver() -> Receiver:
    return Receiver(steps=2)


@pytest.fixture(scope="module")
def link(transmitter: Transmitter, receiver: Receiver) -> Link:
    return Link(transmitter, receiver)


def send(link: Link, clip: Clip, snr_db: float, scheme: str = "first-frame-desc", sequence: int = 0) -> LinkRun:
    return link.run(clip, snr_db=snr_db, tx_snr_db=snr_db, scheme=scheme, sequence=sequence)


def test_of_a_clip_that_the_generator_cannot_make_the_first_frame_is_shown(
    transmitter: Transmitter, receiver: Receiver, clip: Clip
) -> None:
    long = Clip(np.repeat(clip.video[:1, :64, :64], 16, axis=0), caption=CAPTION)
    made = receiver.decode(Channel(snr_db=10).apply(transmitter.encode(long, 10, "first-frame-desc").samples, 0))
    assert made.failed == ("generator",)
    (message,) = made.messages
    assert "8 frames" in message
    assert made.text == CAPTION
    assert made.generator is None
    assert made.video.shape == (16, 64, 64, 3)
    np.testing.assert_array_equal(made.video, np.broadcast_to(made.pictures["first_frame"], made.video.shape))


def test_at_ten_db_all_of_it_arrives(link: Link, clip: Clip) -> None:
    run = send(link, clip, 10)
    made = run.reconstruction
    assert made.text == CAPTION
    assert made.failed == ()
    assert made.video.shape == clip.video.shape
    assert made.video.dtype == np.uint8
    assert made.snr_db == pytest.approx(10, abs=0.5)
    assert made.generator == "mini"
    assert set(run.seconds) == {"extract", "encode", "channel", "decode", "generate"}
    assert list(made.sections) == ["description", "first_frame"]
    assert measure(clip.video[:1], made.pictures["first_frame"][None])["psnr"] > 22
    assert measure(clip.video, made.video)["psnr"] > 18


def test_the_description_alone_makes_another_clip(link: Link, clip: Clip) -> None:
    made = send(link, clip, 10, "desc-only").reconstruction
    assert made.text == CAPTION
    assert made.pictures == {}
    assert made.video.std() > 5


def test_quality_falls_gracefully_with_the_snr(link: Link, clip: Clip) -> None:
    quality = []
    for snr_db in (-2, 4, 12):
        frame = send(link, clip, snr_db).reconstruction.pictures["first_frame"]
        quality.append(measure(clip.video[:1], frame[None])["psnr"])
    assert quality[0] > 14
    assert quality[0] < quality[1] < quality[2]


def test_a_lost_description_is_told_and_never_passed_on(link: Link, clip: Clip) -> None:
    lost = 0
    for sequence in range(8):
        run = send(link, clip, -3.5, sequence=sequence)
        made = run.reconstruction
        assert made.text in (None, CAPTION)
        if made.header is not None and made.text is None:
            lost += 1
            assert made.failed == ("description",)
            assert list(made.pictures) == ["first_frame"]
            assert made.generator == "mini"
    assert lost > 0


def test_nothing_arrives_and_nothing_is_invented(link: Link, clip: Clip) -> None:
    made = send(link, clip, -25).reconstruction
    assert made.failed == ("header",)
    assert (made.text, made.sections, made.pictures, made.generator) == (None, {}, {}, None)
    assert (made.video == GREY).all()


def test_description_alone_and_lost_is_grey(link: Link, clip: Clip) -> None:
    outcomes = [send(link, clip, -3.5, "desc-only", sequence).reconstruction for sequence in range(8)]
    lost = [made for made in outcomes if made.failed == ("description",)]
    assert lost
    assert all((made.video == GREY).all() and made.generator is None for made in lost)


def test_equal_seeds_give_equal_bytes_whatever_came_before(link: Link, transmitter: Transmitter, clip: Clip) -> None:
    first = send(link, clip, 5)
    send(link, dataclasses.replace(clip, number=9), 0)
    again = send(link, clip, 5)
    np.testing.assert_array_equal(first.received, again.received)
    np.testing.assert_array_equal(first.reconstruction.video, again.reconstruction.video)
    other = Link(transmitter, Receiver(seed=1, steps=2), seed=1)
    assert not np.array_equal(send(other, clip, 5).reconstruction.video, first.reconstruction.video)


def test_the_receiver_does_not_need_to_know_the_gain(transmitter: Transmitter, receiver: Receiver, clip: Clip) -> None:
    received = Channel(snr_db=10).apply(transmitter.encode(clip, 10).samples, 0)
    plain = receiver.decode(received)
    turned = receiver.decode((received * np.complex64(0.05 * np.exp(2.5j))).astype(np.complex64))
    assert turned.text == CAPTION
    assert turned.snr_db == pytest.approx(plain.snr_db, abs=1e-2)
    frames = [made.pictures["first_frame"][None] for made in (plain, turned)]
    assert measure(*frames)["psnr"] > 45


@pytest.mark.parametrize(
    "samples",
    [
        np.zeros(0, np.complex64),
        np.zeros(219, np.complex64),
        np.zeros(9210, np.complex64),
        np.full(9210, np.inf, np.complex64),
        np.full(9210, 1e30, np.complex64),
        np.random.default_rng(0).standard_normal(9210).astype(np.complex64),
    ],
)
def test_bad_samples_are_an_outage_not_an_exception(receiver: Receiver, samples: np.ndarray) -> None:
    made = receiver.decode(samples)
    assert made.failed in (("samples",), ("header",))
    assert (made.video == GREY).all()


def test_a_caption_of_any_kind_arrives(link: Link, clip: Clip) -> None:
    for caption in ("", "é" * 127, "日本の山" * 21, "x" * 255):
        made = send(link, dataclasses.replace(clip, caption=caption), 10).reconstruction
        assert made.text == caption
        assert made.failed == ()
    run = send(link, dataclasses.replace(clip, caption="y" * 300), 10)
    assert run.encoded.contents["description"].was_cut
    assert run.encoded.messages == ("the caption is too long and was cut to 255 bytes",)
    assert run.encoded.text == "y" * 255
    assert run.reconstruction.text == "y" * 255


@pytest.mark.parametrize(("scheme", "count", "symbols"), [("sketch-desc", 1, 1024), ("sketches-desc", 8, 8192)])
def test_sketches_arrive_and_are_graceful(
    transmitter: Transmitter, clip: Clip, scheme: str, count: int, symbols: int
) -> None:
    name = scheme.removesuffix("-desc")
    scores = []
    for snr_db in (0, 12):
        sent = transmitter.encode_with_details(clip, snr_db, scheme)
        header = sent.burst.header
        assert header.payload_symbols == header.section_symbols("description") + symbols
        assert header.total_symbols - header.payload_symbols == 256
        made = listen(Channel(snr_db=snr_db).apply(sent.burst.samples, 0))
        assert (made.header, made.text, list(made.sections), made.lost) == (header, CAPTION, ["description", name], ())
        sketches, drawn = made.sections[name].value, sent.contents[name]
        assert sketches.shape == drawn.shape == (count, 256, 256)
        scores.append(edge_f1(sketches[-1], drawn[-1]))
    assert scores[0] > 0.6
    assert scores[1] > 0.85


@pytest.mark.parametrize("scheme", ["h264-ldpc", "h265-ldpc"])
def test_all_frames_as_bits_arrive_as_they_are_or_not_at_all(link: Link, clip: Clip, scheme: str) -> None:
    run = send(link, clip, 10, scheme)
    made = run.reconstruction
    assert run.encoded.fits
    assert run.encoded.burst.header.payload_symbols == 12_583
    assert (made.failed, made.generator, made.text, made.pictures) == ((), None, "", {})
    assert measure(clip.video, made.video)["psnr"] > 30
    assert (send(link, clip, 4, scheme).reconstruction.video == made.video).all()
    lost = send(link, clip, -1, scheme).reconstruction
    assert lost.failed == (scheme.removesuffix("-ldpc"),)
    assert (lost.video == GREY).all()


def test_all_frames_as_analogue_pictures_fade_gracefully(link: Link, clip: Clip) -> None:
    psnrs = []
    for snr_db in (-5, 0, 10):
        run = send(link, clip, snr_db, "djscc-rgb")
        made = run.reconstruction
        assert run.encoded.burst.header.payload_symbols == 12_288
        assert (made.failed, made.generator, made.text, made.pictures) == ((), None, "", {})
        assert made.video.shape == clip.video.shape
        psnrs.append(measure(clip.video, made.video)["psnr"])
    assert psnrs[0] + 1 < psnrs[1]
    assert psnrs[1] + 1 < psnrs[2]


def test_an_adaptive_video_rate_tells_its_mode_in_the_header(transmitter: Transmitter, receiver: Receiver) -> None:
    video = np.random.default_rng(0).normal(128, 20, (8, 64, 64, 1)).clip(0, 255).astype(np.uint8).repeat(3, axis=3)
    names = []
    for snr_db in (0.0, 20.0):
        sent = transmitter.encode(Clip(video), snr_db, "h265-ldpc", {"video_rate": "adaptive"})
        made = receiver.decode(Channel(snr_db=snr_db).apply(sent.samples, 0))
        assert made.header == sent.header
        names.append(sent.header.mode_name)
    assert names == ["4-QAM 1/3", "64-QAM 9/10"]
    assert made.failed == ()


def test_a_receiver_without_sionna_says_so_and_shows_grey(
    transmitter: Transmitter, receiver: Receiver, clip: Clip, monkeypatch: pytest.MonkeyPatch
) -> None:
    samples = transmitter.encode(clip, 10, "h264-ldpc").samples

    def missing(*_: object) -> None:
        raise PackageError("LDPC needs the package sionna-no-rt")

    monkeypatch.setattr(transport, "decode", missing)
    made = receiver.decode(samples)
    assert made.failed == ("h264",)
    (message,) = made.messages
    assert "sionna-no-rt" in message
    assert (made.video == GREY).all()


def test_a_clip_that_does_not_fit_is_told_at_both_ends(link: Link, clip: Clip) -> None:
    rng = np.random.default_rng(1)
    squares = np.kron(rng.integers(0, 2, (8, 64, 64, 3), dtype=np.uint8) * 255, np.ones((1, 4, 4, 1), np.uint8))
    run = send(link, Clip(squares), 10, "h264-ldpc")
    assert not run.encoded.fits
    assert run.encoded.messages == ("it does not fit into its symbols: frames are missing",)
    assert run.reconstruction.failed == ("h264",)
    assert send(link, clip, 10).encoded.fits


def test_other_sizes(link: Link) -> None:
    video = np.random.default_rng(0).integers(0, 255, (8, 128, 192, 3)).astype(np.uint8)
    made = send(link, Clip(video, caption="noise"), 15).reconstruction
    assert made.video.shape == video.shape


def test_what_cannot_be_sent_is_refused(link: Link, clip: Clip) -> None:
    with pytest.raises(SchemeError, match="no scheme is called 'semaphore'"):
        send(link, clip, 10, "semaphore")
    with pytest.raises(SettingError):
        send(link, clip, float("nan"))


def test_any_channel_model_can_lie_between(transmitter: Transmitter, receiver: Receiver, clip: Clip) -> None:
    lossy = Channel(snr_db=0, seed=3, model="erasure", settings={"erasure_rate": 1})
    lost = send(Link(transmitter, receiver, channel=lossy), clip, 10)
    assert lost.passage == {"model": "erasure", "snr_set_db": 10, "gain_db": None}
    assert lost.reconstruction.failed == ("header",)
    still = Channel(snr_db=0, seed=3, model="rayleigh", settings={"coherence_symbols": 1e9})
    faded = send(Link(transmitter, receiver, channel=still), clip, 20)
    assert faded.passage["gain_db"] != 0
    # One gain for all of the burst: what the receiver estimates is what the noise and that gain make.
    assert faded.reconstruction.snr_db == pytest.approx(20 + faded.passage["gain_db"], abs=0.7)
    assert faded.reconstruction.text == CAPTION


def test_a_gain_that_moves_within_a_burst_is_followed(transmitter: Transmitter, clip: Clip) -> None:
    sent = transmitter.encode(clip, 15).samples
    fading = Channel(snr_db=15, model="rayleigh", settings={"coherence_symbols": 1000.0})
    heard = [listen(fading.apply(sent, sequence)) for sequence in range(6)]
    arrived = [made for made in heard if made.header is not None]
    assert len(arrived) >= 4  # a preamble may fall into a fade
    for made in arrived:
        assert made.text == CAPTION
        assert made.estimate is not None
        assert made.estimate.coherence_symbols == pytest.approx(1000, rel=0.6)
        shown = np.rint(made.sections["first_frame"].value.transpose(1, 2, 0) * 255).astype(np.uint8)
        assert measure(clip.video[:1], shown[None])["psnr"] > 20


def test_a_genie_is_hardly_better(transmitter: Transmitter, clip: Clip) -> None:
    received = Channel(snr_db=3).apply(transmitter.encode(clip, 3).samples, 0)
    own, told = listen(received), listen(received, genie_snr_db=3)
    assert own.text == told.text == CAPTION
    assert own.estimate is not None
    assert told.estimate is not None
    assert own.estimate.snr_db != told.estimate.snr_db
    assert abs(told.estimate.snr_db - 3) < 0.3
    frames = [heard.sections["first_frame"].value for heard in (own, told)]
    np.testing.assert_allclose(*frames, atol=0.05)


@pytest.mark.parametrize("mode", [0, 4, 9])
def test_any_text_mode_arrives(transmitter: Transmitter, clip: Clip, mode: int) -> None:
    options = {"text_mode": text.MODES[mode].name}
    made = listen(Channel(snr_db=6).apply(transmitter.encode(clip, 6, "desc-only", options).samples, 0))
    assert made.text == CAPTION
    assert made.header is not None
    assert made.header.values["description"]["mode"] == mode
