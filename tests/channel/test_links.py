"""Links: numbers and names that stay, settings that follow, one process for a name."""

from __future__ import annotations

import numpy as np
import pytest

from channel.channel import Channel
from channel.links import Links
from common import wire
from common.errors import SettingError


@pytest.fixture
def channel() -> Channel:
    return Channel(snr_db=10, seed=5)


@pytest.fixture
def links(channel: Channel) -> Links:
    return Links(channel)


def join(links: Links, peer: str, name: str, life: str = "one") -> int:
    joining = links.join(peer.encode(), name, life)
    assert joining.link is not None
    return joining.link.number


def test_the_lowest_free_number_and_ones_own_again(links: Links) -> None:
    assert [join(links, p, name) for p, name in (("p", "a"), ("q", "b"), ("r", "c"))] == [1, 2, 3]
    links.gone(links.live[1])
    assert [link.name for link in links.live] == ["a", "c"]
    assert join(links, "s", "d") == 4
    assert join(links, "t", "b", "two") == 2
    assert {link.name: link.peer for link in links.live} == {"a": b"p", "b": b"t", "c": b"r", "d": b"s"}


def test_a_newer_process_takes_the_name_over_and_the_older_cannot_take_it_back(links: Links) -> None:
    join(links, "p", "a", "old")
    joining = links.join(b"q", "a", "new")
    assert joining.link is not None
    assert (joining.link.number, joining.link.peer, joining.replaced) == (1, b"q", b"p")
    again = links.join(b"r", "a", "old")
    assert (again.link, again.refusal) == (None, "replaced")
    assert links.live[0].peer == b"q"


def test_the_same_process_over_another_connection_replaces_nobody(links: Links) -> None:
    join(links, "p", "a")
    assert links.join(b"q", "a", "one").replaced is None
    assert [link.peer for link in links.live] == [b"q"]


def test_one_connection_has_one_name(links: Links) -> None:
    join(links, "p", "a")
    join(links, "p", "b")
    assert [link.name for link in links.live] == ["b"]


def test_when_all_numbers_are_taken_the_longest_gone_gives_its_up(links: Links) -> None:
    for n in range(wire.MAX_LINKS):
        assert join(links, f"p{n}", f"r{n}") == n + 1
    assert links.join(b"x", "late", "one").refusal == "full"
    for n in (7, 3):
        links.gone(next(link for link in links.live if link.name == f"r{n}"))
    assert join(links, "x", "late") == 8
    assert join(links, "y", "later") == 4
    assert len(links.describe()) == wire.MAX_LINKS


def test_settings_of_all_and_of_one(channel: Channel, links: Links) -> None:
    join(links, "p", "a")
    join(links, "q", "b")
    assert channel.knobs.set("snr_db", 3).first_seq == 0
    links.knobs(2).set("snr_db", -2)
    links.knobs("a").set("snr_db", 1, from_seq=1)
    join(links, "r", "c")  # as the channel is, not as any other link is

    def snrs(seq: int) -> dict[str, object]:
        return {link.name: settings["snr_db"] for link, settings in links.begin(seq)}

    assert snrs(0) == {"a": 3, "b": -2, "c": 3}
    assert snrs(1) == {"a": 1, "b": -2, "c": 3}
    assert channel.knobs.set("snr_db", 7).first_seq == 2
    assert snrs(2) == {"a": 7, "b": 7, "c": 7}
    assert [link["settings"]["snr_db"] for link in links.describe()] == [7, 7, 7]


def test_a_link_keeps_its_settings_while_its_receiver_is_away(channel: Channel, links: Links) -> None:
    join(links, "p", "a")
    join(links, "q", "b")
    links.knobs("b").set("snr_db", -2)
    links.knobs("b").set("snr_db", -3, from_seq=1)
    links.gone(links.live[1])
    for seq in range(3):
        assert [link.name for link, _ in links.begin(seq)] == ["a"]
    assert links.knobs("b").set("snr_db", -4).old == -3
    join(links, "r", "b", "two")
    assert {link.name: settings["snr_db"] for link, settings in links.begin(3)} == {"a": 10, "b": -4}


def test_what_waits_on_the_channel_waits_on_a_new_link_too(channel: Channel, links: Links) -> None:
    channel.knobs.set("snr_db", 0, from_seq=5)
    join(links, "p", "a")
    assert [links.begin(seq)[0][1]["snr_db"] for seq in range(4, 7)] == [10, 0, 0]


def test_a_link_that_is_not_there_is_told_in_one_line(links: Links) -> None:
    with pytest.raises(SettingError, match="no link 2: there are none yet"):
        links.knobs(2)
    join(links, "p", "a")
    with pytest.raises(SettingError, match=r"no link b: there are 1 \(a\)"):
        links.knobs("b")
    assert links.knobs("1") is links.knobs(1) is links.knobs("a")


def test_link_1_has_the_noise_of_the_channel_and_others_their_own(channel: Channel) -> None:
    silence = np.zeros(20_000, np.complex64)
    noise = [channel.for_link(n).apply(silence, 3) for n in (1, 2, 3)]
    np.testing.assert_array_equal(noise[0], channel.apply(silence, 3))
    np.testing.assert_array_equal(noise[1], Channel(snr_db=10, seed=5).for_link(2).apply(silence, 3))
    for one, other in ((0, 1), (0, 2), (1, 2)):
        correlation = abs(np.vdot(noise[one], noise[other])) / np.linalg.norm(noise[one]) / np.linalg.norm(noise[other])
        assert correlation < 4 / np.sqrt(silence.size)


def test_a_burst_that_is_handed_on_again_keeps_its_settings(channel: Channel, links: Links) -> None:
    join(links, "p", "a")
    links.begin(4)
    links.gone(links.live[0])
    assert links.begun() == []
    assert channel.knobs.set("snr_db", 3).first_seq == 5
    join(links, "q", "a", "two")
    join(links, "r", "b")
    assert {link.name: settings["snr_db"] for link, settings in links.begun()} == {"a": 10, "b": 10}
    assert {link.name: settings["snr_db"] for link, settings in links.begin(5)} == {"a": 3, "b": 3}
