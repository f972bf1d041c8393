"""What a result was made with: versions of packages, and the code that was measured."""

from __future__ import annotations

import ast
import hashlib
import importlib.metadata
import platform
from collections.abc import Sequence
from pathlib import Path

import gvsc

PACKAGES = ("numpy", "numba", "sionna-no-rt")

MEASURED = (
    "common/burst.py",
    "common/pilots.py",
    "common/mcs.py",
    "common/codecs/text*.py",
    "common/coding/*.py",
    "common/modulation/*.py",
    "receiver/estimate.py",
    "receiver/header.py",
    "receiver/listen.py",
    "gvsc/bench/curves/*.py",
    "gvsc/bench/preamble.py",
    "gvsc/bench/text.py",
)
"""Code that error rates depend on, as patterns from the root of the packages."""


def versions(packages: Sequence[str] = PACKAGES) -> dict[str, str | None]:
    """Versions of this project, Python and the packages that compute; None for one that is not installed."""
    return {"gvsc": gvsc.__version__, "python": platform.python_version()} | {name: _version(name) for name in packages}


def sources(root: Path | None = None, patterns: Sequence[str] = MEASURED) -> str:
    """SHA-256 (hex) of the code that ``patterns`` name, comments, docstrings and layout left out."""
    root = root or Path(gvsc.__file__).parents[1]
    digest = hashlib.sha256()
    for file in sorted(file for pattern in patterns for file in root.glob(pattern)):
        digest.update(f"{file.relative_to(root).as_posix()}\n{_code(file.read_text(encoding='utf-8'))}\n".encode())
    return digest.hexdigest()


def _code(source: str) -> str:
    """The program without what is only for people: strings that stand alone are docstrings."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            node.body = [line for line in body if not _is_string(line)]  # type: ignore[attr-defined]
    return ast.dump(tree)


def _is_string(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None
