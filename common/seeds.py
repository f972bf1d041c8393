"""One seed for each (seed, clip, stage), so that no stage's draws depend on what ran before it."""

from __future__ import annotations

import hashlib


def derive(seed: int, clip: int, stage: str) -> int:
    """A 63-bit seed for one stage of one clip.

    ``seed`` is the run's seed (any 64-bit integer), ``clip`` the clip's number on the air, ``stage`` a name such as
    ``"generate"``. Equal arguments give equal seeds on every machine.
    """
    text = f"gvsc:{seed}:{clip}:{stage}".encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "little") >> 1
