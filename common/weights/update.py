"""After training: the manifest's entries of the committed weights, and the list of files in each card, made anew."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from pathlib import Path

from common.errors import WeightsError
from common.weights import FOLDER, files_in, manifest
from common.weights.manifest import Digest, Entry

MAX_FILE_BYTES = 16 * 2**20
"""A committed file may be this large, so that the repository stays small."""

SUFFIX = ".safetensors"

_BEGIN = "<!-- files: written by python -m common.weights update -->"
_END = "<!-- end of files -->"


def update(names: Collection[str] = (), folder: Path = FOLDER) -> dict[str, Entry]:
    """Hashes committed weights in ``folder``, rewrites their entries and cards, and returns these entries.

    ``names`` limits it to some; by default it does all, and drops the entries whose files are gone.

    ``NAME.safetensors`` becomes the entry ``NAME``, and so does a folder ``NAME/`` with a safetensors file anywhere
    in it (every file of it is listed). Fetched weights stay as they are. Each must have a card ``NAME.md``, whose
    table of files is replaced, or added at its end. Raises WeightsError if a name is unknown, a card is missing or a
    file too large, and then has changed nothing.
    """
    kept = {name: entry for name, entry in manifest.read(folder).items() if names or entry.wheel is not None}
    committed = _scan(folder)
    if names:
        if unknown := sorted(set(names) - set(committed)):
            raise WeightsError(f"no weights of this name in {folder}: {', '.join(unknown)}")
        committed = {name: committed[name] for name in names}
    cards: dict[Path, str] = {}
    for name, entry in committed.items():
        for file, digest in entry.files.items():
            if digest.bytes > MAX_FILE_BYTES:
                raise WeightsError(f"{name}: {file} has {digest.bytes} bytes; at most {MAX_FILE_BYTES} are allowed")
        card = folder / f"{name}.md"
        if not card.is_file():
            raise WeightsError(f"weights {name!r} have no card; write {card}")
        cards[card] = with_files(card.read_text(encoding="utf-8"), entry.files)
    manifest.write(folder, {**kept, **committed})
    for card, text in cards.items():
        card.write_text(text, encoding="utf-8")
    return committed


def with_files(card: str, files: Mapping[str, Digest]) -> str:
    """The text of a card with its table of files (name, bytes, SHA-256) replaced, or added at the end."""
    rows = [f"| `{name}` | {digest.bytes} | `{digest.sha256}` |" for name, digest in sorted(files.items())]
    table = "\n".join([_BEGIN, "| file | bytes | SHA-256 |", "|---|---|---|", *rows, _END])
    if _BEGIN in card and _END in card:
        return re.sub(f"{re.escape(_BEGIN)}.*?{re.escape(_END)}", lambda _: table, card, count=1, flags=re.DOTALL)
    return f"{card.rstrip()}\n\n## Files\n\n{table}\n"


def _scan(folder: Path) -> dict[str, Entry]:
    found: dict[str, Entry] = {}
    for item in sorted(folder.iterdir()):
        if item.is_file() and item.suffix == SUFFIX:
            found[item.stem] = Entry(item.stem, item.name, False, {item.name: manifest.digest_of(item)})
        elif item.is_dir() and not item.name.startswith((".", "__")):
            files = files_in(item)
            if any(file.suffix == SUFFIX for file in files):
                digests = {file.relative_to(item).as_posix(): manifest.digest_of(file) for file in files}
                found[item.name] = Entry(item.name, item.name, True, digests)
    return found
