"""Text alone: what judges see in clips made from held-out captions, against what the captions say."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from gvsc.bench.generator.cases import Case, direction
from gvsc.bench.generator.judges import Judges, Verdict
from gvsc.bench.generator.keep import Keep
from gvsc.bench.generator.maker import Maker
from gvsc.bench.generator.rates import rates, with_intervals
from receiver.generators.base import Conditions

ASKED: Final = ("colour", "direction", "kind", "background")

_LIGHT_WORDS: Final = {"day": ("by day", "daylight"), "sunset": ("sunset", "sun sets"), "night": ("night",)}


def measure(
    maker: Maker, judges: Judges, cases: Sequence[Case], keep: Keep, tell: Callable[[str], None]
) -> dict[str, Any]:
    """The shares of clips that the judges find right: ``{colour, direction, kind, background}``.

    ``direction`` is of captions by which the object goes left, right, up or down, or the camera does or zooms.
    ``background`` is right if what is behind the object is (`judges.labels.background`), or else the light, where the
    caption names one; ``background_alone`` and ``light`` are each by itself, ``motion`` is among all motions.
    ``chance`` are the same clips against the next captions, ``true_renders`` the sources against their own.
    """
    said, seen = [], []
    for done, case in enumerate(cases, 1):
        made = maker.make(Conditions.of(description=case.caption), case.number)
        said.append(judges.judge(made))
        seen.append(judges.judge(case.video))
        wrong = _wrong(said[-1], case)
        keep.pair("text", case, made, good=not wrong, note=", ".join(wrong))
        if done % 20 == 0 or done == len(cases):
            tell(f"text: {done} of {len(cases)}: {_line(said, cases)}")
    shifted = [*cases[1:], *cases[:1]]
    return {
        **with_intervals(hits(said, cases)),
        "chance": rates(hits(said, shifted)),
        "true_renders": rates(hits(seen, cases)),
    }


def hits(said: Sequence[Verdict], cases: Sequence[Case]) -> dict[str, list[bool]]:
    """For each figure whether verdicts agree with the cases, of those that it is asked of. ``said`` may be shorter."""
    found: dict[str, list[bool]] = {name: [] for name in (*ASKED, "background_alone", "light", "motion")}
    for verdict, case in zip(said, cases, strict=False):
        for name, hit in _agreement(verdict, case).items():
            found[name].append(hit)
    return found


def _agreement(verdict: Verdict, case: Case) -> dict[str, bool]:
    right = case.right
    if right is None:
        raise ValueError(f"nobody knows what {case.name} shows")
    same = {question: verdict[question] == answer for question, answer in right.items()}
    found = {name: same[name] for name in ("colour", "kind", "motion")}
    goes = direction(right)
    if goes is not None:
        found["direction"] = verdict[goes[0]] == goes[1]
    lit = names_light(case.caption, right["light"])
    if lit:
        found["light"] = same["light"]
    found["background_alone"] = same["background"]
    found["background"] = same["background"] or (lit and same["light"])
    return found


def names_light(caption: str, light: str) -> bool:
    """Whether a caption of the world says that the light is this one."""
    return any(words in caption for words in _LIGHT_WORDS[light])


def _wrong(verdict: Verdict, case: Case) -> list[str]:
    """What the judges saw instead, in words."""
    right = case.right or {}
    agreed = _agreement(verdict, case)
    goes = direction(right)
    questions = {"colour": "colour", "kind": "kind", "background": "background", "direction": goes[0] if goes else ""}
    return [f"{name}: {verdict[question]}" for name, question in questions.items() if not agreed.get(name, True)]


def _line(said: Sequence[Verdict], cases: Sequence[Case]) -> str:
    shares = rates(hits(said, cases))
    return ", ".join(f"{name} {shares[name]:.2f}" for name in ASKED if shares[name] is not None)
