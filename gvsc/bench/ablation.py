"""What each thing that a clip is rebuilt from is worth: the text, the pictures, their noise and what is known of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from channel.channel import Channel
from common.clip import Clip
from common.codecs import text
from common.errors import ClipError, PackageError, WeightsError
from common.sections import section
from gvsc.bench import provenance
from gvsc.evaluation.metrics import deepfeat
from gvsc.evaluation.metrics.psnr import psnr
from gvsc.evaluation.metrics.ssim import ssim
from receiver.listen import Received, listen
from receiver.receiver import Receiver, as_arrived
from transmitter.clips import Wanted, read_clips, samples
from transmitter.transmitter import Encoded, Transmitter

Video = NDArray[np.uint8]

SNRS_DB: Final = (-4.0, 0.0, 5.0, 10.0, 15.0)
PACKAGES: Final = ("numpy", "torch", "diffusers")

VARIANTS: Final = ("all", "genie", "text_lost", "visuals_lost", "clean", "held")
"""What is compared: all arrived; the same with the SNR known; the pictures alone; the text alone; both as they were
extracted; the pictures as they arrived, with nothing generated. Where there is a text, it is whole at any SNR."""


def clip_sets(source: Path | None, rendered: int, seed: int) -> dict[str, list[Clip]]:
    """One clip of each video of ``source``; where that is None, the sample clips, and so many of the rendered world's
    held-out ones. Raises ClipError where there is none."""
    if source is not None:
        clips = {source.name: list(read_clips(str(source), Wanted(clip_at=0.0)))}
    else:
        world = read_clips(f"world:{seed}:held_out", Wanted())
        clips = {"rendered": list(islice(world, rendered)), "samples": samples.read()}
    sets = {name: found for name, found in clips.items() if found}
    if not sets:
        raise ClipError(f"{source} holds no clip that can be read")
    return sets


def measure(
    sets: Mapping[str, Sequence[Clip]],
    transmitter: Transmitter,
    receiver: Receiver,
    tell: Callable[[str], None],
    *,
    seed: int,
    snrs_db: Sequence[float] = SNRS_DB,
    schemes: Sequence[str],
) -> dict[str, Any]:
    """Every clip of every set, one burst of each scheme at each SNR over white noise, rebuilt in all `VARIANTS`.

    ``receiver`` should have no ``least_snr_db``: it is what this is to find. Returns ``{snr_db, text_mode, generators:
    {role: name}, metrics, panels: [metrics to draw], versions, sets: {set: {clips: [name], schemes: {scheme:
    {text_lost, headers_lost: [bursts at each SNR], variants: {variant: {roles: [what it was built from], METRIC: [mean
    over the clips at each SNR], METRIC_error: [its standard error]}}}}}}}``. A burst whose header is lost is left out
    of the means; where none is left they are None. ``deepfeat`` is among the metrics where its network is there.
    """
    score = _Scores(tell)
    made: dict[str, Any] = {}
    for name, clips in sets.items():
        found: dict[str, list[dict[str, Any]]] = {scheme: [] for scheme in schemes}
        for number, clip in enumerate(clips):
            score.look_at(clip.video)
            for scheme in schemes:
                air = Channel(snr_db=0.0, seed=seed)
                found[scheme].append(_clip(clip, number, scheme, snrs_db, transmitter, receiver, air, score))
            tell(f"{name}: clip {number + 1} of {len(clips)}")
        made[name] = {
            "clips": [clip.name for clip in clips],
            "schemes": {scheme: _summary(of_clips, score.metrics, len(snrs_db)) for scheme, of_clips in found.items()},
        }
    return {
        "snr_db": list(snrs_db),
        "text_mode": text.MODES[text.DEFAULT_MODE].name,
        "generators": receiver.serves,
        "seed": seed,
        "metrics": list(score.metrics),
        "panels": ["psnr", "deepfeat" if "deepfeat" in score.metrics else "ssim"],
        "versions": provenance.versions(PACKAGES),
        "sets": made,
    }


def _clip(
    clip: Clip,
    sequence: int,
    scheme: str,
    snrs_db: Sequence[float],
    transmitter: Transmitter,
    receiver: Receiver,
    air: Channel,
    score: _Scores,
) -> dict[str, Any]:
    """``{text_lost, headers_lost: [whether, at each SNR], scores: {variant: [{metric: value} or None, at each SNR]},
    roles: {variant: {what it was built from}}}``."""
    text_lost, headers_lost = [], []
    scores: dict[str, list[dict[str, float] | None]] = {variant: [] for variant in VARIANTS}
    roles: dict[str, set[str]] = {variant: set() for variant in VARIANTS}
    for snr_db in snrs_db:
        encoded = transmitter.encode_with_details(clip, snr_db, scheme)
        air.knobs.set("snr_db", snr_db)
        samples = air.apply(encoded.burst.samples, sequence)
        heard, genie = listen(samples), listen(samples, genie_snr_db=snr_db)
        lost = heard.header is None or genie.header is None
        headers_lost.append(lost)
        text_lost.append(heard.text is None)
        for variant, received in _variants(encoded, heard, genie).items():
            if lost:
                scores[variant].append(None)
            elif variant == "held":
                scores[variant].append(score(as_arrived(received)))
            else:
                rebuilt = receiver.rebuild(received)
                scores[variant].append(score(rebuilt.video))
                roles[variant].add(rebuilt.task or "nothing")
    return {"text_lost": text_lost, "headers_lost": headers_lost, "scores": scores, "roles": roles}


def _variants(encoded: Encoded, heard: Received, genie: Received) -> dict[str, Received]:
    header = encoded.burst.header
    clean = {name: section(name).clean(content) for name, content in encoded.contents.items()}
    words = {name: arrived for name, arrived in clean.items() if arrived.modality == "text"}
    lost = {name: replace(arrived, value=None, failed=True) for name, arrived in words.items()}
    return {
        "all": replace(heard, sections={**heard.sections, **words}),
        "genie": replace(genie, sections={**genie.sections, **words}),
        "text_lost": replace(heard, sections={**heard.sections, **lost}),
        "visuals_lost": Received(header, None, words),
        "clean": Received(header, None, clean),
        "held": heard,
    }


def _summary(of_clips: Sequence[Mapping[str, Any]], metrics: Sequence[str], points: int) -> dict[str, Any]:
    variants: dict[str, Any] = {}
    for variant in VARIANTS:
        part: dict[str, Any] = {"roles": sorted(set().union(*(one["roles"][variant] for one in of_clips)))}
        for metric in metrics:
            means, errors = [], []
            for point in range(points):
                there = [one["scores"][variant][point] for one in of_clips]
                values = np.array([scores[metric] for scores in there if scores is not None])
                means.append(float(values.mean()) if values.size else None)
                errors.append(float(values.std(ddof=1) / np.sqrt(values.size)) if values.size > 1 else None)
            part |= {metric: means, f"{metric}_error": errors}
        variants[variant] = part
    lost = {
        what: [sum(one[what][k] for one in of_clips) for k in range(points)] for what in ("text_lost", "headers_lost")
    }
    return {**lost, "variants": variants}


class _Scores:
    """The metrics of videos against one source. What is the same at many SNRs is looked at once."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self.metrics: tuple[str, ...] = ("psnr", "ssim", "deepfeat")
        try:
            self._trunk = deepfeat.trunk()
        except (WeightsError, PackageError) as error:
            self.metrics = ("psnr", "ssim")
            tell(f"deepfeat is left out: {error}")

    def look_at(self, source: Video) -> None:
        """Compares with this one, uint8 (F, H, W, 3), from now on."""
        self._source = source
        self._features = [self._trunk.features(frame) for frame in source] if "deepfeat" in self.metrics else []
        self._known: dict[bytes, dict[str, float]] = {}

    def __call__(self, video: Video) -> dict[str, float]:
        key = video.tobytes()
        if key not in self._known:
            made = {"psnr": psnr(self._source, video), "ssim": ssim(self._source, video)}
            if self._features:
                pairs = zip(self._features, video, strict=True)
                made["deepfeat"] = float(np.mean([self._trunk.distance(features, frame) for features, frame in pairs]))
            self._known[key] = made
        return self._known[key]


def table(result: Mapping[str, Any]) -> str:
    """What :func:`measure` returns, for people."""
    lines = []
    for name, part in result["sets"].items():
        for scheme, found in part["schemes"].items():
            lines.append(f"{name}, {len(part['clips'])} clips, {scheme}")
            lines.append(f"  {'Es/N0 in dB':<34}" + "".join(f"{snr_db:>8g}" for snr_db in result["snr_db"]))
            for metric in result["metrics"]:
                for variant, about in found["variants"].items():
                    values = ["-" if value is None else f"{value:.3f}" for value in about[metric]]
                    lines.append(f"  {metric + ' ' + variant:<34}" + "".join(f"{value:>8}" for value in values))
            roles = {
                variant: ", ".join(about["roles"]) for variant, about in found["variants"].items() if about["roles"]
            }
            lines.append("  built from " + "; ".join(f"{variant}: {role}" for variant, role in roles.items()))
    return "\n".join(lines)
