"""The channel process: a model that fails loses its burst, and nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zmq

from channel.channel import Channel
from channel.links import Link
from channel.models.awgn import Awgn
from channel.process import ChannelProcess
from common.errors import BurstError

KEPT: list[object] = []
"""As in the service itself, sockets are left to the end."""


def process(folder: Path, channel: Channel) -> ChannelProcess:
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    places = {name: f"ipc://{folder / name}" for name in ("uplink", "downlink", "tap", "control")}
    made = ChannelProcess(context, channel, **places)
    KEPT.extend((context, made))
    return made


def test_a_model_that_fails_loses_the_burst_and_the_channel_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    channel = Channel(snr_db=7)
    air = process(tmp_path, channel)
    link = Link(2, "two", channel)
    sent = np.ones(300, np.complex64)
    monkeypatch.setattr(Awgn, "apply", lambda *_: (sent, {"snr_set_db": float("nan")}))
    received, report = air._through(link, channel.knobs.begin(5), sent, 5)
    assert not received.any()
    assert (received.dtype, received.shape) == (sent.dtype, sent.shape)
    assert report == {"model": "awgn", "snr_set_db": 7.0, "gain_db": None}
    assert "burst 5 is lost on link 2: the channel model awgn reports 'snr_set_db'" in capsys.readouterr().err
    assert air._status()["errors"] == 1
    monkeypatch.undo()
    received, report = air._through(link, channel.knobs.begin(6), sent, 6)
    assert received.all()
    assert report["gain_db"] == 0.0


@pytest.mark.parametrize(
    ("report", "told"),
    [
        ({"snr_set_db": np.float32(3), "gain_db": np.float64(-1), "taps": [np.int32(2)], "on": np.bool_(True)}, None),
        ({"snr_set_db": np.nan, "gain_db": 0.0}, "reports 'snr_set_db' as what JSON cannot hold: nan"),
        ({"snr_set_db": 3.0, "gain_db": 0.0, "taps": np.ones(2)}, "reports 'taps'"),
        ([], "must report a dictionary, not list"),
        ({"gain_db": 0.0}, "must report snr_set_db"),
    ],
)
def test_reports_hold_what_json_can(monkeypatch: pytest.MonkeyPatch, report: Any, told: str | None) -> None:
    channel, sent = Channel(snr_db=7), np.ones(3, np.complex64)
    monkeypatch.setattr(Awgn, "apply", lambda *_: (sent, report))
    if told is None:
        _, got = channel.apply_with(channel.knobs.begin(0), sent, 0)
        assert got == {"snr_set_db": 3.0, "gain_db": -1.0, "taps": [2], "on": True, "model": "awgn"}
        assert {type(value) for value in got.values()} == {float, list, bool, str}
        return
    with pytest.raises(BurstError, match=told):
        channel.apply_with(channel.knobs.begin(0), sent, 0)
