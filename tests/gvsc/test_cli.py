"""The command line without any model: wrong usage is 2, failure is 1, one line each, and nothing heavy is imported."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import zmq
from click.testing import CliRunner, Result

from common import burst, endpoints, schemes, wire
from common.codecs import text
from common.control import ControlServer
from common.header import Header
from common.knobs import Knob, Knobs
from gvsc.cli import main

SNR = Knob("snr_db", "Es/N0", unit="dB", low=-60, high=100)


def run(*words: str) -> Result:
    return CliRunner().invoke(main, list(words))


def only_line(result: Result) -> str:
    lines = [line for line in result.stderr.splitlines() if line.startswith("Error")]
    assert len(lines) == 1
    assert "Traceback" not in result.stderr
    return lines[0]


@pytest.fixture
def server() -> Iterator[ControlServer]:
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    yield ControlServer(context, "tcp://127.0.0.1:*", Knobs([(SNR, 10.0)]), lambda: {"bursts": 3}, "test").start()
    context.term()


@pytest.mark.parametrize(
    "words",
    [
        ["--help"],
        *([name, "--help"] for name in ("demo", "simulate", "transmit", "channel", "receive", "inspect")),
        *([name, "--help"] for name in ("control", "bench", "models")),
        ["control", "set", "--help"],
    ],
)
def test_help(words: list[str]) -> None:
    result = run(*words)
    assert result.exit_code == 0
    assert "Usage:" in result.stdout


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["simulate", "x.mp4", "--out", "o", "--scheme", "semaphore"], "'semaphore' is not one of 'desc-only'"),
        (["simulate", "x.mp4", "--out", "o", "--snr-db", "loud"], "must be a number of dB"),
        (["simulate", "x.mp4", "--out", "o", "--snr-db", "nan"], "-60 … 100 dB"),
        (["channel", "--snr-db", "1e9"], "-60 … 100 dB"),
        (["channel", "--uplink", "udp://somewhere"], "is not an address"),
        (["transmit", "--window", "0"], "not in the range"),
        (["demo", "--snr-db", "10,x"], "must be a number of dB"),
        (["control", "--of", "toaster", "get"], "'toaster' is not one of"),
        (["fly"], "No such command 'fly'"),
    ],
)
def test_wrong_usage_is_told_and_exits_with_2(words: list[str], told: str) -> None:
    result = run(*words)
    assert result.exit_code == 2
    assert told in only_line(result)


def test_a_clip_that_is_none_exits_with_1(tmp_path: Path) -> None:
    bad = tmp_path / "bad.mp4"
    bad.write_bytes(b"not a video")
    for clip in (bad, tmp_path / "absent.mp4"):
        result = run("simulate", str(clip), "--out", str(tmp_path / "out"))
        assert result.exit_code == 1
        assert str(clip) in only_line(result)


def test_a_source_without_an_end_is_no_whole_video(tmp_path: Path) -> None:
    for words, told in ((["--all"], "leave --all out"), (["--start", "1"], "a start in seconds is only for videos")):
        result = run("simulate", "world:3", *words, "--out", str(tmp_path / "out"))
        assert result.exit_code == 1
        assert told in only_line(result)


def test_control_reads_and_turns(server: ControlServer) -> None:
    def control(*words: str) -> Result:
        result = run("control", "--address", server.address, *words)
        assert result.exit_code == 0, result.stderr
        return result

    assert control("get", "snr-db").stdout == "snr_db = 10 dB\n"
    assert "Es/N0 (-60 … 100)" in control("get").stdout
    assert control("set", "snr-db", "-3").stdout == "snr_db: 10 -> -3 from burst 0 on\n"
    assert control("ramp", "snr-db", "10", "-5", "--seconds", "0").stdout == "snr_db: -3 -> -5 from burst 0 on\n"
    assert control("set", "snr-db", "4", "--from-seq", "9").stdout.endswith("from burst 9 on\n")
    for words in (["--json", "status"], ["status", "--json"]):
        assert json.loads(control(*words).stdout) == {"bursts": 3, "settings": {"snr_db": -5}}
    assert json.loads(control("set", "snr-db", "1", "--json").stdout)["new"] == 1


def test_control_says_what_was_wrong(server: ControlServer) -> None:
    result = run("control", "--address", server.address, "set", "snr-db", "warm")
    assert result.exit_code == 1
    assert "snr_db must be a number of dB" in only_line(result)


def test_nobody_there_exits_with_1(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("gvsc.client.client.CONTROL_TIMEOUT_S", 0.2)
    monkeypatch.setenv(endpoints.CHANNEL_CONTROL.environment, f"ipc://{tmp_path}/none")
    assert "nobody answers" in only_line(run("control", "get"))
    monkeypatch.setenv(endpoints.TAP.environment, f"ipc://{tmp_path}/none")
    result = run("inspect", "--timeout", "0.2")
    assert result.exit_code == 1
    assert "no burst" in only_line(result)


def test_inspect_tells_each_burst(tmp_path: Path) -> None:
    header, robust = (
        Header(schemes.by_name("desc-only"), 3, 8, 256, 256, {"description": {"bytes": 5, "mode": mode.number}})
        for mode in (text.by_name("1/3"), text.by_name("1/8"))
    )
    bursts = [
        burst.assemble(h, {"description": np.full(h.payload_symbols, 1j, np.complex64)}).samples
        for h in (header, robust)
    ]
    before = bursts[0]
    fields = {"session": "0" * 16, "dtype": "cf32_le", "snr_set_db": 20.0, "model": "awgn"}
    fields |= {"link": 2, "receiver": "weak", "gain_db": 0.0}
    address, file = f"ipc://{tmp_path}/tap", tmp_path / "kept.npz"
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    with endpoints.open_socket(context, zmq.XPUB) as tap:
        endpoints.bind(tap, address, "test")
        words = ["inspect", "--tap", address, "--count", "2", "--json", "--save", str(file)]
        words += ["--timeout", "30", "--link", "weak"]
        child = subprocess.Popen(
            [sys.executable, "-c", "from gvsc.cli import main; main()", *words],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert tap.poll(30_000)
        tap.recv()  # the subscription
        tap.send_multipart([b"nonsense", b""])
        for seq, sent in enumerate(bursts, 4):
            about = {**fields, "samples": sent.size, "seq": seq}
            wire.send(tap, "tap", {**about, "link": 1, "receiver": "strong"}, (sent, sent))
            wire.send(tap, "tap", about, (sent, sent * np.complex64(1.1)))
        lines = [json.loads(line) for line in child.communicate(timeout=60)[0].splitlines()]
        assert child.returncode == 0
    context.term()
    assert [line["seq"] for line in lines] == [4, 5]
    line = lines[0]
    assert (line["link"], line["receiver"]) == (2, "weak")
    assert (line["scheme"], line["symbols"], line["snr_set_db"]) == ("desc-only", header.total_symbols, 20.0)
    assert [line["modes"] for line in lines] == [{"description": "1/3"}, {"description": "1/8"}]
    assert line["cbr_total"] == header.cbr_total
    assert line["power"] == pytest.approx(1, abs=1e-4)
    assert line["evm_rms"] == pytest.approx(0.1, abs=1e-4)
    assert line["snr_measured_db"] == pytest.approx(20, abs=0.01)
    with np.load(file, allow_pickle=False) as kept:
        np.testing.assert_array_equal(kept["before_0"], before)
        assert json.loads(str(kept["facts"][0])).items() <= line.items()
    assert [line["switched_from"] for line in lines] == [None, "desc-only 1/3"]


def test_help_and_control_load_nothing_heavy() -> None:
    program = (
        "import sys; from gvsc.cli import main\n"
        "for words in (['--help'], ['channel', '--help'], ['receive', '--help'], ['transmit', '--help']):\n"
        "    main(words, standalone_mode=False)\n"
        "assert not {'torch', 'scipy', 'numba', 'transformers', 'diffusers'} & set(sys.modules), sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", program], check=True, stdout=subprocess.DEVNULL)
