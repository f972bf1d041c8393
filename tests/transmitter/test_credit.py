"""The credit window: never more outstanding than allowed, never lost twice, never found lost too early."""

from __future__ import annotations

from transmitter.credit import CreditWindow


def test_the_window_closes_and_opens() -> None:
    credit = CreditWindow(2)
    credit.sent(0)
    assert credit.open
    credit.sent(1)
    assert not credit.open
    assert credit.acknowledged(0)
    assert credit.open
    assert not credit.acknowledged(0)
    assert credit.delivered == 1


def test_what_the_receiver_neither_finished_nor_holds_is_lost() -> None:
    credit = CreditWindow(3)
    for seq in range(3):
        credit.sent(seq)
    probe = credit.probe()
    credit.acknowledged(0)
    assert credit.answered(probe, holding=[2]) == [1]
    assert (credit.lost, credit.outstanding) == (1, {2})


def test_a_probe_says_nothing_about_bursts_sent_after_it() -> None:
    credit = CreditWindow(2)
    credit.sent(0)
    probe = credit.probe()
    credit.sent(1)
    assert credit.answered(probe, holding=[]) == [0]
    assert credit.outstanding == {1}


def test_an_old_answer_is_no_news() -> None:
    credit = CreditWindow(2)
    credit.sent(0)
    first, second = credit.probe(), credit.probe()
    credit.answered(second, holding=[0])
    assert credit.answered(first, holding=[]) == []
    assert credit.answered(99, holding=[]) == []
    assert credit.outstanding == {0}


def test_a_burst_that_was_late_is_not_counted_as_lost() -> None:
    credit = CreditWindow(1)
    credit.sent(0)
    credit.answered(credit.probe(), holding=[])
    assert credit.lost == 1
    assert credit.acknowledged(0)
    assert (credit.lost, credit.delivered) == (0, 1)
