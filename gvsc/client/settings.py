"""Live settings as a service describes them, and what a change of one did."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from common.errors import ProtocolError
from common.knobs import Change, Value

_SCALAR: Final = (float, int, str, bool, type(None))
_FIELDS: Final[dict[str, tuple[type, ...]]] = {
    "value": _SCALAR,
    "kind": (str,),
    "unit": (str,),
    "help": (str,),
    "low": (float, int),
    "high": (float, int),
    "choices": (list,),
    "only_for": (list,),
    "unavailable": (dict,),
}
_OPTIONAL: Final = ("low", "high", "choices", "only_for", "unavailable")


@dataclass(frozen=True)
class Setting:
    """One live setting of a service.

    Attributes:
        name: what ``set`` takes as its key.
        value: now; None means "auto".
        kind: "number", "integer", "switch" or "choice".
        unit: of a number, such as "dB"; "" where it has none.
        help: what it means, in one line.
        low, high: limits of a number; None where there is none.
        choices: what a choice may be.
        unavailable: those of ``choices`` that the service cannot take as it was started, each with the reason.
        only_for: names of the channel models whose parameter it is; () where it always counts.
    """

    name: str
    value: Value
    kind: str
    unit: str
    help: str
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()
    only_for: tuple[str, ...] = ()
    unavailable: Mapping[str, str] = field(default_factory=dict)

    def facts(self) -> dict[str, Any]:
        """All but the name, as the reply to ``get`` has it: limits that do not exist are left out."""
        told: dict[str, Any] = {key: getattr(self, key) for key in ("value", "kind", "unit", "help")}
        told |= {key: list(words) for key in ("choices", "only_for") if (words := getattr(self, key))}
        if self.unavailable:
            told["unavailable"] = dict(self.unavailable)
        return told | {key: limit for key in ("low", "high") if (limit := getattr(self, key)) is not None}


def settings_of(reply: Mapping[str, Any]) -> dict[str, Setting]:
    """Settings by name from the reply to ``get`` without a key. Raises ProtocolError."""
    return {name: _setting(name, about) for name, about in reply.items()}


def value_of(reply: Mapping[str, Any]) -> Value:
    """The value in the reply to ``get`` with a key. Raises ProtocolError."""
    value: Value = _field(reply, "value", _SCALAR, "get")
    return value


def change_of(reply: Mapping[str, Any]) -> Change:
    """The change in the reply to ``set`` or ``ramp``. Raises ProtocolError."""
    return Change(
        key=_field(reply, "key", (str,), "set"),
        old=_field(reply, "old", _SCALAR, "set"),
        new=_field(reply, "new", _SCALAR, "set"),
        first_seq=_field(reply, "first_seq", (int,), "set"),
    )


def _setting(name: str, about: Any) -> Setting:
    if not isinstance(about, dict):
        raise ProtocolError(f"the reply to get has no map for {name[:60]!r}")
    told = {
        key: _field(about, key, kinds, "get") for key, kinds in _FIELDS.items() if key in about or key not in _OPTIONAL
    }
    for key in ("choices", "only_for"):
        words = told.get(key, [])
        if not all(isinstance(word, str) for word in words):
            raise ProtocolError(f"the reply to get has no names in {key!r}")
        told[key] = tuple(words)
    reasons = told.get("unavailable", {})
    if not all(isinstance(word, str) for pair in reasons.items() for word in pair):
        raise ProtocolError("the reply to get has no reasons in 'unavailable'")
    return Setting(name, **told)


def _field(reply: Mapping[str, Any], key: str, kinds: tuple[type, ...], op: str) -> Any:
    value = reply.get(key)
    wrong_flag = isinstance(value, bool) and bool not in kinds
    if key not in reply or wrong_flag or not isinstance(value, kinds):
        raise ProtocolError(f"the reply to {op} has no proper field {key!r}")
    return value
