"""A bar on stderr for what takes a while, by the bytes that are done; nothing where stderr is no terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def bar(label: str, total: int) -> Iterator[Callable[[int], None]]:
    """Gives a function to call with the number of bytes that are done by now, of ``total``."""
    if not sys.stderr.isatty():
        yield lambda _done: None
        return
    import click  # training on a bare machine loads weights without it

    with click.progressbar(length=max(total, 1), label=f"{label}, {total / 1e6:.0f} MB", file=sys.stderr) as shown:

        def tell(done: int) -> None:
            shown.update(min(done, total) - shown.pos)

        yield tell
