"""The scheme ``thumbnail-desc``: a description and the thumbnail. A plug-in's numbers begin at 24."""

from __future__ import annotations

from common.schemes import FIRST_FREE, Part, Scheme, add

add(
    Scheme(
        "thumbnail-desc",
        FIRST_FREE,
        (Part("description"), Part("thumbnail")),
        "the first frame in 8×8 pixels and description (example)",
    )
)
