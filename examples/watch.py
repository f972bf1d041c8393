"""Watches a running system while its SNR changes: one line for each clip that a receiver rebuilt.

Start the services first (`gvsc channel`, `gvsc receive`, `gvsc transmit --repeat 0`, or `docker compose up`), then

    python examples/watch.py --clips 6 --from-db 10 --to-db -3 --seconds 10

Where the services are is read from the environment (GVSC_TAP, GVSC_CHANNEL_CONTROL …), with keys from GVSC_KEYS.
"""

from __future__ import annotations

import argparse
import sys

from gvsc.client import Client, Preview, Result, TappedBurst
from gvsc.evaluation.metrics import measure


def main() -> None:
    parser = argparse.ArgumentParser(description="Watch a running system while its SNR changes.")
    parser.add_argument("--clips", type=int, default=6, help="stop after so many rebuilt clips")
    parser.add_argument("--from-db", type=float, default=10.0, help="SNR at the beginning")
    parser.add_argument("--to-db", type=float, default=-3.0, help="SNR at the end")
    parser.add_argument("--seconds", type=float, default=10.0, help="how long the way takes")
    wanted = parser.parse_args()

    with Client() as client:
        snr = client.settings("channel")["snr_db"]
        print(f"{snr.help}: {snr.value} {snr.unit}, of {snr.low} … {snr.high}")
        sources: dict[tuple[str, int], Preview] = {}
        arrived: dict[tuple[str, int, str], TappedBurst] = {}
        # The stream subscribes here, before the change, so that nothing after it is missed.
        events = client.events(
            timeout_s=120,
            on_gap=lambda gap: print(f"{gap.missed} {gap.kind}s were not seen", file=sys.stderr),
            on_refused=lambda why: print(f"refused: {why}", file=sys.stderr),
        )
        change = client.ramp("channel", "snr_db", wanted.to_db, wanted.seconds, start=wanted.from_db)
        print(f"{change.key} goes to {change.new} from burst {change.first_seq} on")
        done = 0
        for event in events:
            if isinstance(event, Preview):
                sources[event.session, event.seq] = event
            elif isinstance(event, TappedBurst):
                arrived[event.session, event.seq, event.receiver] = event
            elif isinstance(event, Result):
                print(line(event, sources.get((event.session, event.seq)), arrived))
                done += 1
                if done == wanted.clips:
                    break
        print(f"the channel has passed {client.status('channel')['bursts']} bursts")


def line(result: Result, source: Preview | None, arrived: dict[tuple[str, int, str], TappedBurst]) -> str:
    """What came of one burst at one receiver."""
    burst = arrived.pop((result.session, result.seq, result.receiver), None)
    words = [f"burst {result.seq}", f"to {result.receiver}"]
    if burst is not None:
        words.append(f"{burst.content}, {burst.before.size} symbols at {burst.snr_measured_db:.1f} dB")
    if source is not None:
        words += measure(source.video, result.video).texts()
    words.append(f"lost: {', '.join(result.failed)}" if result.failed else f"“{result.text}”")
    return "  ".join(words)


if __name__ == "__main__":
    main()
