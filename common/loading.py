"""Loading a program's libraries and models without Python's cyclic garbage collector getting in between."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def loading() -> Iterator[None]:
    """Within it no cyclic garbage is collected; what is there at its end is left out of all later rounds.

    Importing torch, numba and scipy and building networks makes about a million objects that stay. The collector
    would go through them again and again: a fifth of the CPU time of loading. What is garbage at the end and hangs
    together in a cycle is never freed, so this is for the start of a program alone.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if enabled:
            gc.enable()
