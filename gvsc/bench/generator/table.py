"""The result of ``gvsc bench generator``, for people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gvsc.bench.generator.text import ASKED


def table(made: Mapping[str, Any]) -> str:
    """What `measure` returns."""
    lines = [f"{made['generator']}, seed {made['seed']}, weights {made['weights']}, clips from {made['clips_from']}"]
    if made["text"] is not None:
        lines += [_share("text", made["text"], name, judged=True) for name in (*ASKED, "background_alone", "motion")]
    frame = made["frame_text"]
    if frame is not None:
        lines += _frames("frame_text", frame)
        if frame["flip_turns"] is not None:
            lines.append(_share("frame_text", frame["flip"], "flip_turns"))
        if frame["real"] is not None:
            lines += _frames("real", frame["real"])
    for part in ("sketches_text", "sketch_text"):
        if (found := made[part]) is not None:
            ways = "  ".join(f"{way} {f1:.3f}" for way, f1 in found["by_way"].items())
            lines.append(f"{part:<14} edge F1 {ways}  text only {_or_dash(found['edge_f1_text_only'])}")
    if (seconds := made["seconds"]) is not None:
        lines.append(
            f"seconds        default steps {seconds['default']:.2f} ({seconds['role']}), 50 steps "
            f"{seconds['steps_50']:.1f}, first clip {seconds['first_clip']:.1f}, {seconds['threads']} threads; "
            f"peak RSS {made['peak_rss_gb']:.2f} GB"
        )
    return "\n".join([*lines, *(f"{part} left out: {why}" for part, why in made["left_out"].items())])


def _share(part: str, found: Mapping[str, Any], name: str, *, judged: bool = False) -> str:
    if found[name] is None:
        return f"{part:<14} {name:<17} -"
    low, high = found["interval"][name]
    line = f"{part:<14} {name:<17} {found[name]:.3f} [{low:.3f}, {high:.3f}] of {found['clips'][name]}"
    if judged:
        line += f"; by chance {_or_dash(found['chance'][name])}, true renders {_or_dash(found['true_renders'][name])}"
    return line


def _frames(part: str, found: Mapping[str, Any]) -> list[str]:
    return [
        f"{part:<14} {snr_db:>3} dB  PSNR {at['psnr']:.2f} dB, frame repeated {at['psnr_static']:.2f} dB, gain "
        f"{at['gain_db']:+.2f} dB, motion {at['motion_ratio']:.2f} of the source's; {found['clips']} clips"
        for snr_db, at in found["by_snr_db"].items()
    ]


def _or_dash(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
