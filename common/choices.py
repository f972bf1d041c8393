"""Command line options whose choices are the names in a registry."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NoReturn

import click
from click.shell_completion import CompletionItem

from common.errors import GvscError
from common.registry import Entry, Registry


class Registered(click.ParamType):
    """The name of an entry of a registry: of all, of those alone that are ``wanted``, or one of ``names()``.

    The registry is searched when a value is checked or help is shown, not when the option is declared. Where the
    registry itself is not to be imported before, a function is given that returns it.
    """

    name = "name"

    def __init__(
        self,
        registry: Registry[Any] | Callable[[], Registry[Any]],
        wanted: Callable[[Entry[Any]], bool] = lambda _: True,
        names: Callable[[], Iterable[str]] | None = None,
    ) -> None:
        self._given = registry
        self._wanted = wanted
        self._names = names

    @property
    def _registry(self) -> Registry[Any]:
        return self._given if isinstance(self._given, Registry) else self._given()

    def names(self) -> list[str]:
        """The choices."""
        if self._names is not None:
            return list(self._names())
        return [entry.name for entry in self._registry.entries() if self._wanted(entry)]

    def get_metavar(self, param: click.Parameter, ctx: click.Context | None = None) -> str:
        """As click shows its own choices."""
        opening, closing = "{}" if isinstance(param, click.Argument) and param.required else "[]"
        return f"{opening}{'|'.join(self.names())}{closing}"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """``value``, if it is one of the names; a broken plug-in of that name tells why it does not load."""
        names = self.names()
        if value not in names:
            self._refuse(str(value), names, param, ctx)
        return str(value)

    def _refuse(
        self, value: str, names: list[str], param: click.Parameter | None, ctx: click.Context | None
    ) -> NoReturn:
        reason = f"{value!r} is not one of {', '.join(map(repr, names))}."
        try:
            self._registry.entry(value)
        except GvscError as error:
            if any(broken.name == value for broken in self._registry.broken):
                reason = str(error)
        self.fail(reason, param, ctx)

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """The names that begin so."""
        return [CompletionItem(name) for name in self.names() if name.startswith(incomplete)]
