"""The adaptive scheme on the live system: the SNR goes down and up again, and what the transmitter made of it."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

from common.schemes import ADAPTIVE
from gvsc.bench.trials import ErrorRate
from gvsc.client import Preview, Result, TappedBurst
from gvsc.services import Services, private_addresses

HIGH_DB: Final = 12
LOW_DB: Final = -7
SAFE_DB: Final = -3.0
"""Above this neither header nor description may fail."""

STALL_S: Final = 300.0
QUEUE: Final = 4096

_TOLD: Final = {"seq", "snr_db", "tx_snr_db", "failed"}  # by tap, preview and result


def walk(ramps: int) -> list[int]:
    """The SNR of each burst in dB: 12, 11, … −7, −6, … 12 and so on, ``ramps`` times down and up."""
    once = [*range(HIGH_DB, LOW_DB, -1), *range(LOW_DB, HIGH_DB)]
    return once * ramps + [HIGH_DB]


def measure(ramps: int, tell: Callable[[str], None]) -> dict[str, Any]:
    """Runs three processes over ``walk(ramps)``, with the sample clips and one sampling step.

    Returns ``{ramps, bursts, reaches: [what each ramp carried, in order], switches, above_db, failed_above: {header,
    description: {failed, bursts, interval}}, walk: [{seq, snr_db, tx_snr_db, scheme, modes, failed}]}``; the
    interval is Wilson's for the rate of failures above ``SAFE_DB``. Raises ServiceError, EndpointError.
    """
    snrs_db = walk(ramps)
    with tempfile.TemporaryDirectory(prefix="gvsc-") as name, Services(Path(name), private_addresses(Path(name))) as up:
        client = up.client()
        events = client.events(timeout_s=STALL_S, queue=QUEUE)
        up.start("channel", "--snr-db", str(HIGH_DB))
        up.start("receiver", "--steps", "1", "--guidance", "1", "--threads", "1")
        up.start("transmitter", "--repeat", "0", "--scheme", ADAPTIVE, "--paused", "--threads", "1")
        up.wait_for("receiver", lambda s: s["ready"] and s["results_subscribers"] > 0, 300)
        up.wait_for("transmitter", lambda s: s["linked"] and s["preview_subscribers"] > 0, 300)
        for seq, snr_db in enumerate(snrs_db):
            client.set("channel", "snr_db", snr_db, from_seq=seq)
        client.set("transmitter", "paused", False)
        bursts: dict[int, dict[str, Any]] = {}
        while not all(bursts.get(seq, {}).keys() >= _TOLD for seq in range(len(snrs_db))):
            event = next(events)
            burst = bursts.setdefault(event.seq, {"seq": event.seq})
            match event:
                case TappedBurst():
                    burst["snr_db"] = event.snr_set_db
                case Preview():
                    burst |= {"tx_snr_db": event.tx_snr_db, "scheme": event.scheme, "modes": event.modes}
                case Result():
                    burst["failed"] = list(event.failed)
                    if event.seq % 50 == 0:
                        tell(f"burst {event.seq} of {len(snrs_db)}")
    return _report(ramps, [bursts[seq] for seq in range(len(snrs_db))])


def _report(ramps: int, bursts: list[dict[str, Any]]) -> dict[str, Any]:
    contents = [f"{burst['scheme']} {' '.join(burst['modes'].values())}" for burst in bursts]
    span = 2 * (HIGH_DB - LOW_DB)
    bottoms = [contents[ramp * span : (ramp + 1) * span + 1] for ramp in range(ramps)]
    safe = [burst for burst in bursts if burst["snr_db"] > SAFE_DB]
    failures = {
        what: ErrorRate(sum(what in b["failed"] for b in safe), len(safe)) for what in ("header", "description")
    }
    return {
        "ramps": ramps,
        "bursts": len(bursts),
        "reaches": [_rungs(part) for part in bottoms],
        "switches": sum(one != other for one, other in pairwise(contents)),
        "above_db": SAFE_DB,
        "failed_above": {
            what: {"failed": rate.errors, "bursts": rate.trials, "interval": rate.interval()}
            for what, rate in failures.items()
        },
        "walk": bursts,
    }


def _rungs(contents: Sequence[str]) -> list[str]:
    """What a ramp carried, in order, without repetitions."""
    return [content for index, content in enumerate(contents) if index == 0 or content != contents[index - 1]]
