"""Memory of a process whose buffers come and go with every burst."""

from __future__ import annotations

import numpy as np


def keep_freed_memory() -> None:
    """Lets the allocator keep up to 32 MiB for the next burst.

    glibc gives memory above 128 KiB back at each free, and a burst's buffers then cost a page fault for every 4 KiB
    again (13 a burst of 10 000 symbols). A block this large, taken and freed, raises that bound to twice its size.
    """
    np.empty(16 << 20, np.uint8)
