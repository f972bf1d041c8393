"""The public way to look at a running system and to steer it, from Python. docs/client.md tells more.

    from gvsc.client import Client

    with Client() as client:
        client.set("channel", "snr_db", 3.0)
        for burst in client.bursts(timeout_s=10):
            print(burst.seq, burst.content, burst.snr_measured_db)

:class:`Client` has streams of what is published (:class:`TappedBurst`, :class:`Preview`, :class:`Result`) and the
requests of control (:class:`Setting`, :class:`Change`). Importing it loads no torch.
"""

from __future__ import annotations

from common.knobs import Change
from gvsc.client.client import SERVICES, Client
from gvsc.client.preview import Preview
from gvsc.client.result import ArrivedSection, Result
from gvsc.client.settings import Setting
from gvsc.client.stream import Gap, Stream
from gvsc.client.tapped import TappedBurst

__all__ = [
    "SERVICES",
    "ArrivedSection",
    "Change",
    "Client",
    "Gap",
    "Preview",
    "Result",
    "Setting",
    "Stream",
    "TappedBurst",
]
