"""Credit: never more outstanding than allowed, never lost twice, never found lost too early, whoever comes and goes."""

from __future__ import annotations

import random

import pytest

from transmitter.credit import LATE, PROBES, RECEIVERS, Account, Credit


def linked(size: int, *names: str) -> Credit:
    """Credit with these receivers there from the start."""
    credit = Credit(size)
    probe = credit.probe()
    for name in names:
        credit.answered(name, probe, [], names)
    return credit


def balanced(credit: Credit) -> bool:
    totals = credit.totals()
    accounts = credit.describe().values()
    return totals["sent"] == totals["delivered"] + totals["lost"] + totals["outstanding"] and all(
        account["sent"] == account["delivered"] + account["lost"] + account["outstanding"]  # type: ignore[operator]
        for account in accounts
    )


def test_nothing_is_sent_before_anyone_answers() -> None:
    credit = Credit(2)
    assert not credit.open
    credit.answered("a", credit.probe(), [], ["a"])
    assert credit.open


def test_the_window_closes_and_opens() -> None:
    credit = linked(2, "a")
    credit.sent(0)
    assert credit.open
    credit.sent(1)
    assert not credit.open
    assert credit.acknowledged("a", 0, 7.5)
    assert credit.open
    assert credit.snr_db == 7.5
    assert not credit.acknowledged("a", 0, 3.0)
    assert credit.snr_db == 7.5
    assert credit.totals() == {"sent": 2, "delivered": 1, "lost": 0, "outstanding": 1}


def test_what_the_receiver_neither_finished_nor_holds_is_lost() -> None:
    credit = linked(3, "a")
    for seq in range(3):
        credit.sent(seq)
    probe = credit.probe()
    credit.acknowledged("a", 0, None)
    assert credit.answered("a", probe, [2], ["a"]) == {"a": [1]}
    assert credit.totals() == {"sent": 3, "delivered": 1, "lost": 1, "outstanding": 1}


def test_a_probe_says_nothing_about_bursts_sent_after_it() -> None:
    credit = linked(2, "a")
    credit.sent(0)
    probe = credit.probe()
    credit.sent(1)
    assert credit.answered("a", probe, [], ["a"]) == {"a": [0]}
    assert credit.accounts["a"].outstanding == {1}


def test_an_old_answer_is_no_news() -> None:
    credit = linked(2, "a")
    credit.sent(0)
    first, second = credit.probe(), credit.probe()
    credit.answered("a", second, [0], ["a"])
    assert credit.answered("a", first, [], ["a"]) == {}
    assert credit.answered("a", 99, [], ["a"]) == {}
    for _ in range(PROBES):
        credit.probe()
    assert credit.answered("a", second, [], ["a"]) == {}
    assert credit.accounts["a"].outstanding == {0}


def test_a_burst_that_was_late_is_not_counted_as_lost() -> None:
    credit = linked(1, "a")
    credit.sent(0)
    credit.answered("a", credit.probe(), [], ["a"])
    assert credit.totals()["lost"] == 1
    assert credit.acknowledged("a", 0, None)
    assert credit.totals() == {"sent": 1, "delivered": 1, "lost": 0, "outstanding": 0}


def test_only_so_many_lost_bursts_are_remembered_as_perhaps_late() -> None:
    account = Account()
    for seq in range(3 * LATE):
        account.owe([seq])
        account.give_up([seq])
    assert len(account._given_up) == LATE
    assert account.acknowledged(3 * LATE - 1)
    assert not account.acknowledged(0)
    account.owe([1])
    assert (account.due, account.delivered, account.lost) == (3 * LATE, 1, 3 * LATE - 1)
    assert not account.outstanding


def test_the_slowest_receiver_holds_the_source_back() -> None:
    credit = linked(2, "a", "b")
    credit.sent(0)
    credit.sent(1)
    for seq in (0, 1):
        credit.acknowledged("a", seq, None)
    assert not credit.open
    credit.acknowledged("b", 0, None)
    assert credit.open
    assert credit.totals() == {"sent": 4, "delivered": 3, "lost": 0, "outstanding": 1}


def test_a_survivors_answer_tells_who_is_gone() -> None:
    credit = linked(2, "a", "b")
    credit.sent(0)
    credit.sent(1)
    for seq in (0, 1):
        credit.acknowledged("a", seq, None)
    assert credit.answered("a", credit.probe(), [], ["a"]) == {"b": [0, 1]}
    assert credit.open
    assert not credit.waiting
    credit.sent(2)
    assert credit.accounts["b"].due == 2
    # It was only slow, and what it held comes in: counted back, but it does not hold the source back again.
    assert credit.acknowledged("b", 1, None)
    assert credit.describe()["b"] == {
        "live": False, "sent": 2, "delivered": 1, "lost": 1, "outstanding": 0, "estimated_snr_db": None,
    }  # fmt: skip


def test_one_that_comes_back_counts_from_there() -> None:
    credit = linked(2, "a", "b")
    credit.sent(0)
    credit.answered("a", credit.probe(), [0], ["a"])
    credit.sent(1)
    hello = credit.probe()
    credit.greeted("b", hello)
    credit.sent(2)
    account = credit.accounts["b"]
    assert (account.live, account.due, account.lost, account.outstanding) == (True, 2, 1, {2})
    assert credit.answered("b", hello, [], ["a", "b"]) == {}
    assert credit.acknowledged("b", 2, -3.0)
    assert balanced(credit)


def test_old_news_does_not_send_a_returned_receiver_away() -> None:
    credit = linked(2, "a", "b")
    before = credit.probe()
    credit.greeted("b", credit.probe())
    credit.sent(0)
    assert credit.answered("a", before, [], ["a"]) == {}
    assert credit.accounts["b"].live


def test_a_receiver_that_never_came_is_dropped_by_the_next_answer() -> None:
    credit = linked(1, "a")
    hello = credit.probe()
    credit.greeted("ghost", hello)
    credit.sent(0)
    credit.acknowledged("a", 0, None)
    assert not credit.open
    assert credit.answered("a", hello, [], ["a"]) == {"ghost": [0]}
    assert credit.open


def test_a_restarted_receiver_has_lost_what_it_held() -> None:
    credit = linked(2, "a")
    credit.sent(0)
    hello = credit.probe()
    credit.greeted("a", hello)
    assert credit.answered("a", hello, [], ["a"]) == {"a": [0]}


def test_the_weakest_live_receiver_sets_the_snr() -> None:
    credit = linked(2, "a", "b")
    assert credit.snr_db is None
    credit.sent(0)
    credit.acknowledged("a", 0, 12.0)
    assert credit.snr_db == 12
    credit.acknowledged("b", 0, -1.0)
    assert credit.snr_db == -1
    credit.answered("a", credit.probe(), [], ["a"])
    assert credit.snr_db == 12


def test_names_without_end_are_added_up() -> None:
    credit = Credit(1)
    for seq in range(2 * RECEIVERS):
        name = f"r{seq}"
        credit.answered(name, credit.probe(), [], [name])
        credit.sent(seq)
    assert len(credit.accounts) == RECEIVERS
    assert credit.totals() == {
        "sent": 2 * RECEIVERS, "delivered": 0, "lost": 2 * RECEIVERS - 1, "outstanding": 1,
    }  # fmt: skip


@pytest.mark.parametrize("seed", range(8))
def test_whatever_happens_the_books_balance(seed: int) -> None:
    """Receivers that die, come back and answer late, each behind a feedback path that keeps order. What one finished
    and was due counts as delivered, what died with one as lost; one that never died loses nothing."""
    rng = random.Random(seed)
    credit = Credit(2)
    seq = delivered = 0
    served: dict[str, list[int]] = {"steady": []}
    feedback: dict[str, list[tuple[int, list[int], list[str]] | int]] = {name: [] for name in ("steady", "b", "c")}

    def probe() -> int:
        number = credit.probe()
        for name, held in served.items():
            feedback[name].append((number, list(held), list(served)))
        return number

    def hear(name: str) -> None:
        nonlocal delivered
        said = feedback[name].pop(0)
        if isinstance(said, int):
            delivered += credit.acknowledged(name, said, None)
        else:
            credit.answered(name, *said)

    probe()
    for _ in range(4000):
        match rng.choices(("come", "die", "probe", "send", "finish", "hear"), (1, 1, 4, 10, 10, 30))[0]:
            case "come":
                name = rng.choice("bc")
                served[name] = []
                credit.greeted(name, probe())
            case "die":
                served.pop(rng.choice("bc"), None)
            case "probe":
                probe()
            case "send" if credit.open:
                credit.sent(seq)
                for held in served.values():
                    held.append(seq)
                seq += 1
            case "finish":
                name = rng.choice(list(served))
                if served[name]:
                    feedback[name].append(served[name].pop(0))
            case "hear":
                name = rng.choice(list(feedback))
                if feedback[name]:
                    hear(name)
        assert balanced(credit)
        assert credit.accounts.get("steady", Account()).lost == 0
    for name in feedback:
        while feedback[name]:
            hear(name)
    steady = credit.accounts["steady"]
    assert steady.due == seq > 100
    credit.answered("z", credit.probe(), [], ["z"])
    totals = credit.totals()
    assert totals["outstanding"] == 0
    assert totals["delivered"] == delivered
    assert totals["lost"] > len(served["steady"])
