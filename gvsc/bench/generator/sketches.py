"""Sketches and text: do the edges of the generated frames follow the sketches that were sent."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from common.codecs.djscc_sketch import SketchCodec
from gvsc.bench.codec import air
from gvsc.bench.generator.cases import Case
from gvsc.bench.generator.keep import Keep
from gvsc.bench.generator.maker import Maker
from gvsc.evaluation.metrics.edge_f1 import edge_f1
from receiver.generators.base import Conditions
from transmitter.extract import sketch

SNR_DB: Final = 10.0
WAYS: Final = ("received", "clean")
"""How sketches reach the generator: through `djscc-sketch` at ``SNR_DB``, or as they were drawn."""

GOOD_F1: Final = 0.6

Maps = NDArray[np.float32]


def receive(codec: SketchCodec, sketches: Maps, number: int, snr_db: float, seed: int) -> tuple[Maps, float]:
    """Sketches (S, H, W) through codec and noise, all in one burst, and the SNR in dB that the receiver estimated."""
    sections = [codec.encode(drawn, snr_db) for drawn in sketches]
    symbols, estimated_db = air.send(np.concatenate(sections), snr_db, np.random.default_rng([seed, number]))
    height, width = sketches.shape[1:]
    arrived = symbols.reshape(len(sketches), -1)
    return np.stack([codec.decode(part, estimated_db, height, width) for part in arrived]), estimated_db


def measure(
    maker: Maker,
    cases: Sequence[Case],
    count: int,
    ways: Sequence[str],
    keep: Keep,
    tell: Callable[[str], None],
) -> dict[str, Any]:
    """Edge F1 of generated against sent sketches, mean over frames and clips: ``{edge_f1, edge_f1_text_only}``.

    ``count`` is how many sketches are sent: 8, or 1, and then the first frame alone is compared. ``edge_f1`` is with
    the first of ``ways``, ``by_way`` with each; ``edge_f1_text_only`` (None where the generator does not serve it) the
    same captions and seeds without sketches.
    """
    sketcher, codec = sketch.load(), SketchCodec.load()
    part = "sketches_text" if count > 1 else "sketch_text"
    found: dict[str, list[float]] = {way: [] for way in (*ways, "text_only")}
    for done, case in enumerate(cases, 1):
        sent = sketcher.extract(case.video[:count])

        def judge(made: NDArray[np.uint8], sent: Maps = sent) -> float:
            drawn = sketcher.extract(made[: len(sent)])
            return float(np.mean([edge_f1(one, two) for one, two in zip(drawn, sent, strict=True)]))

        for way in ways:
            arrived: tuple[Maps, float | None] = (sent, None)
            if way == "received":
                arrived = receive(codec, sent, case.number, SNR_DB, maker.seed)
            conditions = Conditions.of(description=case.caption, sketches=arrived[0], snr_db=arrived[1])
            made = maker.make(conditions, case.number)
            found[way].append(judge(made))
            f1, note = found[way][-1], f"{'sketches' if count > 1 else 'one sketch'}, {way}"
            shown = way == ways[0]
            keep.pair(f"{part}_{way}", case, made, good=f1 >= GOOD_F1, note=note, metrics={"edge_f1": f1}, shown=shown)
        if maker.serves("text"):
            found["text_only"].append(judge(maker.make(Conditions.of(description=case.caption), case.number)))
        if done % 10 == 0 or done == len(cases):
            means_now = ", ".join(f"{way} {np.mean(values):.3f}" for way, values in found.items() if values)
            tell(f"{part}: {done} of {len(cases)}: {means_now}")
    means = {way: round(float(np.mean(values)), 4) if values else None for way, values in found.items()}
    return {
        "edge_f1": means[ways[0]],
        "edge_f1_text_only": means["text_only"],
        "by_way": {way: means[way] for way in ways},
        "snr_db": SNR_DB if "received" in ways else None,
        "clips": len(cases),
    }
