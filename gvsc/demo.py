"""The demonstration: three services, real clips, an SNR that goes down and up, and pictures of what came of it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from common.conventions import FPS
from common.errors import ClipError
from gvsc.client import Client, Preview, Result, Stream, TappedBurst
from gvsc.evaluation.figures.constellation import constellation
from gvsc.evaluation.figures.contact_sheet import SheetRow, contact_sheet
from gvsc.evaluation.metrics import measure
from gvsc.evaluation.metrics.scores import check_names
from gvsc.services import ServiceError, Services, free_addresses
from receiver.media import replacing, write_mp4, write_png
from transmitter.clips import Wanted, read_clips, samples

STALL_S: Final = 300.0
"""No result for so long, with three processes alive, means that something is wrong."""


QUEUE: Final = 4096
"""Messages that wait while a burst is measured: none may be missed."""

RECEIVER: Final = "demo"
"""The name of the demonstration's own receiver."""

OUTAGE: Final = "outage: the burst's header was lost, so nothing of it could be decoded"


@dataclass(frozen=True)
class Step:
    """One round through the clips: the SNR of the channel and the scheme of the transmitter."""

    snr_db: float
    scheme: str


@dataclass
class Run:
    """What one burst left behind, put together from preview, tap and results by its sequence number."""

    preview: Preview | None = None
    tapped: TappedBurst | None = None
    result: Result | None = None


@dataclass(frozen=True)
class Shown:
    """One complete run, ready to be written down."""

    name: str
    source: NDArray[np.uint8]
    video: NDArray[np.uint8]
    tapped: TappedBurst
    facts: dict[str, Any]


@dataclass
class Demo:
    """What a demo did: process ids, its runs in the order they were sent, seconds in all."""

    pids: dict[str, int]
    shown: list[Shown] = field(default_factory=list)
    lost: int = 0
    seconds: float = 0.0
    peak_rss_mb: dict[str, float] = field(default_factory=dict)


def run(
    source: Path | None,
    steps: Sequence[Step],
    logs: Path,
    options: Sequence[str],
    tell: Callable[[str], None],
    advance: Callable[[int, int], None],
    metrics: Sequence[str] = (),
) -> Demo:
    """Runs the services over ``steps``, each a round through the clips of ``source``, one of each video (None: the
    sample clips).

    ``options`` go to transmitter and receiver. ``tell`` gets a line when something happens, ``advance`` the numbers of
    bursts done and due. ``metrics`` are measured of each clip, by default the headline ones. Raises ClipError,
    SettingError, ServiceError.
    """
    check_names(metrics)
    clips = sum(1 for _ in (samples.read() if source is None else read_clips(source, Wanted(clip_at=0.0))))
    if not clips:
        raise ClipError(f"{source} holds no clip that can be read")
    began = time.monotonic()
    with Services(logs, free_addresses()) as services:
        client = services.client()
        events = client.events(
            link=RECEIVER,  # somebody else may join the broadcast
            receiver=RECEIVER,
            queue=QUEUE,
            on_refused=lambda why: tell(f"refused a message: {why}"),
        )
        services.start("channel", "--snr-db", str(steps[0].snr_db))
        services.start("receiver", "--name", RECEIVER, *options)
        places = [] if source is None else [str(source), "--clip-at", "0"]
        services.start("transmitter", *places, "--repeat", str(len(steps)), "--paused", *options)
        tell(f"three processes: {', '.join(f'{role} {pid}' for role, pid in services.pids.items())}; loading models")
        services.wait_for("channel", lambda s: s["tap_subscribers"] > 0, 60)
        services.wait_for("receiver", lambda s: s["ready"] and s["results_subscribers"] > 0, 300)
        services.wait_for("transmitter", lambda s: RECEIVER in s["receivers"] and s["preview_subscribers"] > 0, 300)
        for number, step in enumerate(steps):
            client.set("channel", "snr_db", step.snr_db, from_seq=number * clips)
            client.set("transmitter", "scheme", step.scheme, from_seq=number * clips)
        client.set("transmitter", "paused", False)
        demo = Demo(services.pids)
        _collect(services, client, events, len(steps) * clips, demo, tell, advance, metrics)
        demo.seconds = time.monotonic() - began
    return demo


def _collect(
    services: Services,
    client: Client,
    events: Stream[TappedBurst | Preview | Result],
    due: int,
    demo: Demo,
    tell: Callable[[str], None],
    advance: Callable[[int, int], None],
    metrics: Sequence[str],
) -> None:
    runs: dict[int, Run] = {}
    last = time.monotonic()
    snr_db = None
    while len(demo.shown) + demo.lost < due:
        event = events.receive(0.5)
        if event is None:
            services.check_alive()
            status = client.status("transmitter") if services.exit_code("transmitter") is None else None
            demo.lost = due - len(demo.shown)
            if status:
                demo.lost = status["receivers"].get(RECEIVER, {}).get("lost", 0) + status["skipped"]
            if time.monotonic() - last > STALL_S:
                raise ServiceError(f"no result for {STALL_S:g} s: see the logs of the three services")
            continue
        last = time.monotonic()
        run = runs.setdefault(event.seq, Run())
        match event:
            case Preview():
                run.preview = event
            case Result():
                run.result = event
            case TappedBurst():
                run.tapped = event
                if event.snr_set_db != snr_db:
                    snr_db = event.snr_set_db
                    tell(f"SNR {snr_db:g} dB from burst {event.seq} on")
        if run.preview and run.tapped and run.result:
            demo.shown.append(_put_together(run.preview, run.tapped, run.result, metrics))
            del runs[event.seq]
            # The transmitter ends by itself, so memory is read while all three are there.
            demo.peak_rss_mb |= services.peak_rss_mb()
            advance(len(demo.shown), due)


def _put_together(sent: Preview, tapped: TappedBurst, got: Result, metrics: Sequence[str]) -> Shown:
    facts = {
        **tapped.facts(),
        "snr_db": tapped.snr_set_db,
        "tx_snr_db": sent.tx_snr_db,
        "snr_estimated_db": got.snr_db,
        "scheme": sent.scheme,
        "modes": sent.modes,
        **measure(sent.video, got.video, metrics or None).facts(),
        "text_sent": sent.sent,
        "text_received": got.text,
        "text_ok": got.text_ok,
        "failed": list(got.failed),
        "generator": got.generator,
        "seconds": {**sent.seconds, **got.seconds},
    }
    return Shown(sent.name, sent.video, got.video, tapped, facts)


def write(demo: Demo, out: Path) -> dict[str, Any]:
    """Writes videos, contact sheets, constellations and summary.json into ``out``, and returns the summary."""
    sheets = []
    clips = []
    for name in dict.fromkeys(shown.name for shown in demo.shown):
        shown = [s for s in demo.shown if s.name == name]
        folder = out / _file_name(name)
        write_mp4(folder / "source.mp4", shown[0].source, FPS)
        for s in shown:
            write_mp4(folder / f"{s.facts['scheme']}_{s.facts['snr_db']:g}dB.mp4", s.video, FPS)
        sheets.append(_sheet(name, shown))
        write_png(folder / "contact_sheet.png", sheets[-1])
        write_png(folder / "constellation.png", _constellation(shown[0]))
        clips.append({"name": name, "runs": [s.facts for s in shown]})
    write_png(out / "contact_sheet.png", _stack(sheets))
    summary = {
        "pids": demo.pids,
        "peak_rss_mb": demo.peak_rss_mb,
        "seconds": demo.seconds,
        "lost": demo.lost,
        "clips": clips,
    }
    with replacing(out / "summary.json") as temporary:
        temporary.write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")
    return summary


def _file_name(name: str) -> str:
    return "".join(c if c.isalnum() or c in "-_" else "_" for c in name)[:80] or "clip"


def _sheet(name: str, shown: Sequence[Shown]) -> Image.Image:
    rows = [SheetRow("source", shown[0].source, text=shown[0].facts["text_sent"])]
    for s in shown:
        facts = s.facts
        said, whole = _said(facts)
        rows.append(
            SheetRow(
                f"{facts['snr_db']:g} dB",
                s.video,
                note=facts["scheme"],
                metrics=facts["metrics"],
                text=said,
                text_ok=whole,
            )
        )
    made_by = next((s.facts["generator"] for s in shown if s.facts["generator"]), "none")
    return contact_sheet(rows, title=name, footer=f"generator: {made_by}", fps=FPS)


def _said(facts: Mapping[str, Any]) -> tuple[str, bool]:
    """What stands below a clip, and whether all of its burst arrived: the text, or what was lost ("" for the text
    alone, of which the sheet has words of its own)."""
    if "header" in facts["failed"]:
        return OUTAGE, False
    if not facts["text_ok"]:
        return "", False
    if facts["failed"]:
        return f"not whole: {', '.join(facts['failed'])}", False
    return facts["text_received"] or "", True


def _constellation(shown: Shown) -> Image.Image:
    header = shown.tapped.header
    return constellation(
        shown.tapped.before,
        shown.tapped.after,
        shown.tapped.snr_set_db,
        header.layout() if header else None,
        title=f"{shown.name}, {shown.facts['scheme']}",
    )


def _stack(sheets: Sequence[Image.Image]) -> Image.Image:
    stacked = Image.new("RGB", (max(s.width for s in sheets), sum(s.height for s in sheets)), "white")
    top = 0
    for sheet in sheets:
        stacked.paste(sheet, (0, top))
        top += sheet.height
    return stacked
