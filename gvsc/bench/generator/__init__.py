"""Generators, judged: what the clips they make show, and how near they are to the source: ``gvsc bench generator``."""

from __future__ import annotations

from typing import Final

PARTS: Final = ("text", "frame", "sketches", "seconds")
"""What can be measured by itself."""
