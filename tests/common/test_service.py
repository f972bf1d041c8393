"""What the services' commands share: words of a peer do not reach a terminal as they are."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
import zmq
from click.testing import CliRunner

from common import endpoints, wire
from common.service import printable, say
from gvsc.cli import main

EVIL = "\x1b[2J\x1b]0;owned\x07\r\u202egnp.exe\n\x9b31m"


def obeyed(text: str) -> list[str]:
    """The characters in a text that a terminal would act on, the ends of lines aside."""
    return [c for c in text if not c.isprintable() and c != "\n"]


def test_printable_escapes_what_a_terminal_obeys_and_nothing_else() -> None:
    assert obeyed(EVIL)
    assert obeyed(printable(EVIL)) == []
    assert "\n" not in printable(EVIL)
    assert printable("\x1b[2J") == "\\x1b[2J"
    assert printable("σ² = −3 dB, 东京, naïve") == "σ² = −3 dB, 东京, naïve"


def test_a_line_of_log_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    say("channel", EVIL + "x" * 5000)
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert len(told) < 1200
    assert obeyed(told) == []


@pytest.fixture
def liar() -> Iterator[str]:
    """The address of a process that answers every control request with hostile words."""
    replies = [
        {"ok": False, "error": EVIL},
        {"ok": True, "result": {"key": EVIL, "value": EVIL, "unit": EVIL}},
        {"ok": True, "result": {EVIL: EVIL, "list": [EVIL]}},
    ]
    with zmq.Context() as context, endpoints.open_socket(context, zmq.REP) as socket:
        address = endpoints.bind(socket, "tcp://127.0.0.1:*", "channel control")

        def answer() -> None:
            for reply in replies:
                socket.recv_multipart()
                wire.send(socket, "reply", reply)

        thread = threading.Thread(target=answer)
        thread.start()
        yield address
        thread.join()


def test_gvsc_control_repeats_no_escapes(liar: str) -> None:
    for arguments, code in ((["get", "snr-db"], 1), (["get", "snr-db"], 0), (["status"], 0)):
        told = CliRunner().invoke(main, ["control", "--address", liar, *arguments])
        assert told.exit_code == code
        assert "owned" in told.output
        assert obeyed(told.output) == []
