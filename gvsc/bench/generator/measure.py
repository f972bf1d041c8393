"""All parts of ``gvsc bench generator``, as one result."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Final

from common.codecs.djscc_frame import FrameCodec
from gvsc.bench import provenance
from gvsc.bench.generator import PARTS, cases, clock, frame, sketches, text
from gvsc.bench.generator.judges import Judges
from gvsc.bench.generator.keep import Keep
from gvsc.bench.generator.maker import Maker, load
from receiver.generators import GeneratorOptions

COUNTS: Final = {"text": 200, "frame": 40, "sketches": 30}
"""Clips of each part, where no other number is asked for."""

MEASURED: Final = (
    "receiver/generators/*.py",
    "receiver/generators/*/*.py",
    "common/seeds.py",
    "common/codecs/djscc*.py",
    "common/codecs/djscc/*.py",
    "transmitter/clips/world/*.py",
    "transmitter/extract/description/*.py",
    "transmitter/extract/extractors/*.py",
    "transmitter/extract/sketch/*.py",
    "gvsc/bench/codec/air.py",
    "gvsc/bench/generator/*.py",
    "gvsc/bench/generator/judges/*.py",
    "gvsc/bench/trials.py",
    "gvsc/evaluation/metrics/*.py",
    "gvsc/training/generator/mirror.py",
    "gvsc/training/mini_captions.py",
)
"""Code that the figures depend on, as patterns from the root of the packages."""


@dataclass(frozen=True)
class Wanted:
    """What is to be measured: ``parts`` of PARTS; ``count`` clips of each, None the numbers of COUNTS; the SNRs of the
    received frames in dB; ``ways`` of `sketches.WAYS`; ``clips`` a folder of videos in place of the rendered world for
    frames and sketches; ``data`` prepared training data, for the real clips that it holds out."""

    seed: int
    parts: Collection[str] = PARTS
    count: int | None = None
    snrs_db: Sequence[float] = frame.SNRS_DB
    ways: Sequence[str] = sketches.WAYS
    clips: Path | None = None
    data: Path | None = None
    weights: Path | None = None
    steps: int | None = None
    guidance: float | None = None
    settings: GeneratorOptions = field(default_factory=GeneratorOptions)

    def clips_of(self, part: str) -> int:
        return COUNTS[part] if self.count is None else self.count


def measure(name: str, wanted: Wanted, keep: Keep, tell: Callable[[str], None]) -> dict[str, Any]:
    """The generator ``name``: ``{text, frame_text, sketches_text, sketch_text, seconds, peak_rss_gb, left_out}``.

    A part that the generator does not serve, or that was not asked for, is None, and ``left_out`` says why. Raises
    SettingError, WeightsError, ClipError, and whatever GvscError the generator raises for conditions that it should
    serve.
    """
    made: dict[str, Any] = {"generator": name, **_empty()}
    left_out: dict[str, str] = {}
    sources_sha256 = provenance.sources(patterns=MEASURED)  # now, as the code was loaded
    if set(wanted.parts) - {"seconds"}:
        maker = Maker(load(name, wanted.weights, wanted.settings), wanted.seed, wanted.steps, wanted.guidance)
        judges = cache(Judges.load)  # sketches do without
        if _due("text", ("text",), maker, wanted, left_out):
            told = cases.told(wanted.clips_of("text"), wanted.seed)
            made["text"] = text.measure(maker, judges(), told, keep, tell)
        if _due("frame", ("frame-text",), maker, wanted, left_out):
            made["frame_text"] = _frames(maker, judges, wanted, keep, tell, left_out)
        for part, role, count in (("sketches_text", "sketches-text", 8), ("sketch_text", "sketch-text", 1)):
            if _due("sketches", (role,), maker, wanted, left_out, part):
                made[part] = sketches.measure(maker, _asked(wanted, "sketches"), count, wanted.ways, keep, tell)
    if "seconds" in wanted.parts:
        made |= clock.measure(name, wanted.weights, wanted.settings, tell)
    else:
        left_out["seconds"] = "not asked for"
    keep.finish(f"{name}: {', '.join(sorted(wanted.parts))}", f"generator {name}, seed {wanted.seed}")
    return made | {
        "left_out": left_out,
        "seed": wanted.seed,
        "steps": wanted.steps,
        "guidance": wanted.guidance,
        "weights": "committed" if wanted.weights is None else str(wanted.weights),
        "clips_from": "the rendered world, held-out split" if wanted.clips is None else str(wanted.clips),
        "versions": provenance.versions((*provenance.PACKAGES, "torch", "diffusers", "transformers")),
        "sources": sources_sha256,
    }


def _frames(
    maker: Maker,
    judges: Callable[[], Judges],
    wanted: Wanted,
    keep: Keep,
    tell: Callable[[str], None],
    left_out: dict[str, str],
) -> dict[str, Any]:
    codec, count = FrameCodec.load(), wanted.clips_of("frame")
    found = frame.rebuilt(maker, codec, _asked(wanted, "frame"), wanted.snrs_db, "frame_text", keep, tell)
    found |= {"flip_turns": None, "real": None}
    if wanted.clips is not None:
        left_out["flip_turns"] = "the judges know the rendered world alone"
        return found
    at_db, asked = frame.headline(wanted.snrs_db), cases.sideways(count, wanted.seed)
    turned = frame.turned(maker, codec, judges(), asked, at_db, keep, tell)
    found |= {"flip_turns": turned["flip_turns"], "flip": turned}
    real = [] if wanted.data is None else cases.held_out_real(wanted.data, count)
    if real:
        found["real"] = frame.rebuilt(maker, codec, real, wanted.snrs_db, "real", keep, tell)
    else:
        left_out["frame_text.real"] = "no held-out real clips: name prepared data with --data, or videos with --clips"
    return found


def _asked(wanted: Wanted, part: str) -> list[cases.Case]:
    if wanted.clips is not None:
        return cases.from_source(wanted.clips, wanted.count)
    return cases.moving(wanted.clips_of(part), wanted.seed)


def _due(
    part: str, roles: tuple[str, ...], maker: Maker, wanted: Wanted, left_out: dict[str, str], name: str = ""
) -> bool:
    """Whether a part can be measured; if not, ``left_out`` gets to say why."""
    key = name or {"frame": "frame_text"}.get(part, part)
    if part not in wanted.parts:
        left_out[key] = "not asked for"
    elif not maker.serves(*roles):
        left_out[key] = f"{maker.generator.name} does not serve the task {roles[0]}"
    return key not in left_out


def _empty() -> dict[str, None]:
    return dict.fromkeys(("text", "frame_text", "sketches_text", "sketch_text", "seconds", "peak_rss_gb"))
