"""Clips from files: any video that PyAV opens, a folder of them, or a folder in WebVid's form."""

from __future__ import annotations

from transmitter.clips.listing import ClipRef, list_clips
from transmitter.clips.read import read_clip, read_clips

__all__ = ["ClipRef", "list_clips", "read_clip", "read_clips"]
