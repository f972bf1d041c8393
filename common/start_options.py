"""Start options: what a registered entry is told once, when a process starts, such as a file that it follows.

An entry (a channel model, an extractor) declares its own as data, and commands offer those of all entries of a
registry. They are the operator's: no message of a peer sets one.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from common.errors import SettingError


@dataclass(frozen=True)
class StartOption:
    """One start option.

    ``name`` is the name of its entry, or begins with that and a dash, so that entries cannot take each other's: option
    ``trace`` is ``--trace`` on the command line. ``kind`` is "path" (a file) or "text". ``variable`` is the environment
    variable that gives it, if there is one. Without a ``required`` one its entry cannot be chosen. One that ``selects``
    chooses its entry where nobody names another. ``read`` makes of the path or text what the entry uses, once, at the
    start; it raises a GvscError. Without it the entry gets the path or text itself.
    """

    name: str
    help: str
    kind: Literal["path", "text"] = "path"
    variable: str | None = None
    required: bool = False
    selects: bool = False
    read: Callable[[Any], Any] | None = None

    @property
    def flag(self) -> str:
        """As it is written on the command line, such as ``--trace``."""
        return f"--{self.name}"

    @property
    def key(self) -> str:
        """As an identifier: ``pidinet_weights`` for ``pidinet-weights``."""
        return self.name.replace("-", "_")

    @property
    def usage(self) -> str:
        """How to give it, for messages: ``--trace FILE``, and its variable."""
        value = "FILE" if self.kind == "path" else "TEXT"
        return f"{self.flag} {value}" + (f" or {self.variable}" if self.variable else "")

    def from_environment(self) -> Path | str | None:
        """What its variable says; None where there is none, or it is empty."""
        given = os.environ.get(self.variable) if self.variable else None
        if not given:
            return None
        return Path(given) if self.kind == "path" else given


def check_owner(entry: str, options: Iterable[StartOption]) -> None:
    """Raises SettingError unless each of ``options`` is named after the entry that declares it."""
    for option in options:
        if option.name != entry and not option.name.startswith(f"{entry}-"):
            raise SettingError(f"the start option {option.name!r} must be called {entry!r}, or begin with '{entry}-'")


def read_given(options: Iterable[StartOption], given: Mapping[str, Any]) -> dict[str, Any]:
    """The values of those of ``options`` that are ``given`` by name, each as its entry uses it; None counts as not
    given. Raises SettingError for a name that none of them has, and what ``StartOption.read`` raises."""
    known = {option.name: option for option in options}
    values = {}
    for name, value in given.items():
        if name not in known:
            raise SettingError(f"no start option is called {name!r}; there are: {', '.join(known) or 'none'}")
        if value is not None:
            read = known[name].read
            values[name] = read(value) if read else value
    return values


def click_options(
    options: Iterable[StartOption], parameter: str, *, environment: bool = True
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """A decorator for a click command: adds ``options`` to the command line and hands on, as the argument
    ``parameter``, a dictionary of those that were given, by name. ``environment``: their variables give them too."""
    import click  # a bare training machine has none, and declares options all the same

    offered = tuple(options)

    def add(function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def call(*arguments: Any, **values: Any) -> Any:
            all_values = {option.name: values.pop(option.key) for option in offered}
            given = {name: value for name, value in all_values.items() if value is not None}
            return function(*arguments, **{parameter: given}, **values)

        made: Callable[..., Any] = call
        for option in reversed(offered):
            variable = option.variable if environment else None
            takes = click.Path(dir_okay=False, path_type=Path) if option.kind == "path" else click.STRING
            made = click.option(
                option.flag, option.key, type=takes, help=option.help, envvar=variable, show_envvar=variable is not None
            )(made)
        return made

    return add
