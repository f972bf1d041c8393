"""How a receiver process holds on to memory: what clips need again stays, what piles up has an end."""

from __future__ import annotations

import ctypes
import os
from typing import Final

KEPT_BYTES: Final = 256 << 20
"""Free memory at the end of the heap that is not given back. A clip of the default generator takes and frees about 110
MiB; handing it back and getting it anew took a fifth of the processor's time, and made a sawtooth of the resident
memory."""

LARGEST_BYTES: Final = 32 << 20
"""Blocks beyond this are mapped by themselves and go back when freed: the most that glibc takes, and where the limit
that it moves by itself ends up."""

KERNELS: Final = 256
"""Compiled kernels that torch keeps, one for each shape: each size of clip needs 100 to 140, some of 0.6 MB. Of itself
it keeps 1 024 of each kind."""

_KERNEL_CACHES: Final = ("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "LRU_CACHE_CAPACITY")
_HEAP: Final = ("MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_", "GLIBC_TUNABLES")
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # <malloc.h>


def hold_memory() -> bool:
    """Sets all this for the process; torch reads its part when it is imported, so this comes first.

    What the environment already says of kernels or of the heap stays. Whether the heap was told: not where the
    environment does, and not by a C library other than glibc.
    """
    for name in _KERNEL_CACHES:
        os.environ.setdefault(name, str(KERNELS))
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None or any(name in os.environ for name in _HEAP):
        return False
    # either one given ends glibc's moving of both limits
    return bool(mallopt(_M_MMAP_THRESHOLD, LARGEST_BYTES)) and bool(mallopt(_M_TRIM_THRESHOLD, KEPT_BYTES))
