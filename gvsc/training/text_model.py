"""Makes and measures the model of captions: n-gram counts, pruned to what helps most.

    python -m gvsc.training.text_model train --packages packages --to common/weights/text-model.safetensors
    python -m gvsc.training.text_model evaluate --captions FILE

Two texts are counted: made-up captions (:mod:`gvsc.training.captions`) for how captions are worded, and the definitions
and examples in WordNet, from the Debian package wordnet-base, for the words of English. Only counts are kept.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import tempfile
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from common.codecs import text_model
from common.codecs.text_model import END, ORDER
from common.conventions import DEFAULT_SEED
from common.errors import GvscError
from gvsc.training.captions import caption
from gvsc.training.fetch import fetch
from gvsc.training.sources import Source

WORDNET = Source("deb", "wordnet-base", "WordNet (permissive)", "counts of the text model")

CAPTIONS = 60_000
UNIT = 10
"""What one occurrence in a caption counts."""

DEFINITION_UNIT = 3
"""What one occurrence in a definition counts."""

MAX_NODES = 330_000

Grams = tuple[NDArray[np.uint64], NDArray[np.int64]]
"""n-grams, seven bits a symbol, ascending, and their counts."""

_BITS = np.uint64(7)


def definitions(folder: Path) -> list[str]:
    """The definitions and examples in WordNet's data files, each beginning with a capital letter."""
    found = []
    for kind in ("noun", "verb", "adj", "adv"):
        for line in (folder / f"data.{kind}").read_text(encoding="latin-1").splitlines():
            if line.startswith("  "):  # the licence
                continue
            parts = (part.strip(' "') for part in line.split("| ", 1)[1].split("; "))
            found += [part[0].upper() + part[1:] for part in parts if len(part) > 8]
    return found


def _wordnet(packages: Path) -> list[str]:
    packages.mkdir(parents=True, exist_ok=True)
    archive = fetch(WORDNET, packages)
    with tempfile.TemporaryDirectory() as unpacked:
        subprocess.run(["dpkg-deb", "-x", str(archive), unpacked], check=True)
        return definitions(Path(unpacked) / "usr/share/wordnet")


def _stream(lines: list[str]) -> NDArray[np.uint64]:
    """All symbols, each line behind ORDER − 1 times END, and one END behind it."""
    pad = [END] * (ORDER - 1)
    symbols: list[int] = []
    for line in lines:
        symbols += pad
        symbols += [symbol for symbol, _ in text_model.to_symbols(line.encode())]
    return np.array(symbols, dtype=np.uint64)


def _grams(stream: NDArray[np.uint64], n: int) -> NDArray[np.uint64]:
    """The n-grams of a stream; those that end in one of the ENDs before a line, which are never coded, left out."""
    count = stream.size - (ORDER - 1)
    found = np.zeros(count, dtype=np.uint64)
    for i in range(ORDER - n, ORDER):
        found = found << _BITS | stream[i : i + count]
    last, before = stream[ORDER - 1 :], stream[ORDER - 2 : ORDER - 2 + count]
    return found[(last != END) | (before != END)]


def count(texts: list[tuple[list[str], int]]) -> list[Grams]:
    """Weighted counts of all n-grams, n = 1 … ORDER, in texts with their weights."""
    streams = [(_stream(lines), unit) for lines, unit in texts]
    levels = []
    for n in range(1, ORDER + 1):
        parts = [(np.unique(_grams(stream, n), return_counts=True), unit) for stream, unit in streams]
        keys, index = np.unique(np.concatenate([found for (found, _), _ in parts]), return_inverse=True)
        weighted = np.concatenate([many * unit for (_, many), unit in parts])
        levels.append((keys, np.bincount(index, weights=weighted).astype(np.int64)))
    return levels


def _lookup(grams: Grams, keys: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Counts of ``keys``, 0 where they are not there."""
    at = np.minimum(np.searchsorted(grams[0], keys), grams[0].size - 1)
    return np.where(grams[0][at] == keys, grams[1][at], 0)


def _gains(levels: list[Grams]) -> list[NDArray[np.float64]]:
    """Bits that each n-gram saves in the training texts against the shorter context alone."""
    gains = [np.full(levels[0][0].size, np.inf)]
    for n in range(2, ORDER + 1):
        keys, counts = levels[n - 1]
        mask = np.uint64((1 << 7 * (n - 1)) - 1)
        with_context = counts / _sums(levels[n - 1])[0][_sums(levels[n - 1])[1]]
        shorter = _lookup(levels[n - 2], keys & mask)
        sums, parent = _sums(levels[n - 2])
        at = np.searchsorted(levels[n - 2][0], keys & mask)
        without = shorter / sums[parent[at]]
        gains.append(counts * np.abs(np.log2(with_context / without)))
    return gains


def _sums(grams: Grams) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Total count of each context, ascending, and which of them each n-gram has."""
    _, parent = np.unique(grams[0] >> _BITS, return_inverse=True)
    return np.bincount(parent, weights=grams[1]).astype(np.int64), parent


def prune(levels: list[Grams], most: int) -> list[Grams]:
    """The n-grams that save most, with all that they begin with, at most ``most`` of them."""
    gains = _gains(levels)

    def kept(least: float) -> list[NDArray[np.bool_]]:
        masks = [np.ones(levels[0][0].size, dtype=np.bool_)]
        for n in range(1, ORDER):
            prefixes = levels[n - 1][0][masks[-1]]
            masks.append((gains[n] >= least) & np.isin(levels[n][0] >> _BITS, prefixes))
        return masks

    low, high = 0.0, 1.0e6
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (low, middle) if sum(int(m.sum()) for m in kept(middle)) <= most else (middle, high)
    return [(keys[mask], counts[mask]) for (keys, counts), mask in zip(levels, kept(high), strict=True)]


def tensors(levels: list[Grams], kept: list[Grams]) -> dict[str, NDArray[np.uint8]]:
    """The model as :class:`common.codecs.text_model.TextModel` reads it.

    The weight of the shorter context is UNIT for each n-gram there is, and the counts of those that were pruned.
    """
    table = text_model.count_table()

    def code(counts: NDArray[np.int64]) -> NDArray[np.uint8]:
        above = np.minimum(np.searchsorted(table, counts), 255)
        nearer = np.abs(table[np.maximum(above - 1, 0)] - counts) < np.abs(table[above] - counts)
        return np.where(nearer, above - 1, above).astype(np.uint8)

    made: dict[str, NDArray[np.uint8]] = {}
    parents = np.zeros(1, dtype=np.uint64)
    for n in range(ORDER):
        (keys, counts), (all_keys, all_counts) = kept[n], levels[n]
        at = np.searchsorted(parents, all_keys >> _BITS)
        held = np.isin(all_keys >> _BITS, parents)
        total = np.bincount(at[held], weights=all_counts[held], minlength=parents.size).astype(np.int64)
        distinct = np.bincount(at[held], minlength=parents.size)
        mine = np.searchsorted(parents, keys >> _BITS)
        remaining = total - np.bincount(mine, weights=counts, minlength=parents.size).astype(np.int64)
        made[f"children.{n}"] = np.bincount(mine, minlength=parents.size).astype(np.uint8)
        made[f"escape.{n}"] = code(np.maximum(1, remaining + UNIT * distinct))
        made[f"symbols.{n + 1}"] = (keys & np.uint64(127)).astype(np.uint8)
        made[f"counts.{n + 1}"] = np.maximum(1, code(counts)).astype(np.uint8)
        parents = keys
    return made


def evaluate(lines: list[str]) -> dict[str, float]:
    """Bits a character (of UTF-8 in whole bytes, as sent) over some captions, coded, and by what else there is."""
    characters = sum(map(len, lines))
    data = [line.encode() for line in lines]
    return {
        "captions": len(lines),
        "characters": characters,
        "plain": 8 * sum(map(len, data)) / characters,
        "zlib": 8 * sum(len(zlib.compress(d, 9, wbits=-15)) for d in data) / characters,
        "model": 8 * sum(len(text_model.compress(d)) for d in data) / characters,
    }


def _overlap(lines: list[str], made: list[str]) -> int:
    """How many of ``lines`` are, letter for letter without case, among the made-up captions."""

    def bare(line: str) -> str:
        return re.sub("[^a-z]", "", line.lower())

    known = {bare(line) for line in made}
    return sum(bare(line) in known for line in lines)


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m gvsc.training.text_model", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    training = commands.add_parser("train")
    training.add_argument("--packages", type=Path, required=True, help="folder for the package of WordNet")
    training.add_argument("--to", type=Path, required=True, help="safetensors file to write")
    measuring = commands.add_parser("evaluate")
    measuring.add_argument("--captions", type=Path, required=True, help="text file, one caption a line")
    options = parser.parse_args()
    rng = np.random.default_rng(DEFAULT_SEED)
    try:
        if options.command == "train":
            from safetensors.numpy import save_file

            made = [caption(rng) for _ in range(CAPTIONS)]
            levels = count([(made, UNIT), (_wordnet(options.packages), DEFINITION_UNIT)])
            save_file(tensors(levels, prune(levels, MAX_NODES)), options.to)
        else:
            lines = options.captions.read_text(encoding="utf-8").splitlines()
            measured = evaluate(lines) | {"seen_in_training": _overlap(lines, [caption(rng) for _ in range(CAPTIONS)])}
            print("  ".join(f"{name} {value:.4g}" for name, value in measured.items()))  # noqa: T201
    except GvscError as error:
        raise SystemExit(f"error: {error}") from None


if __name__ == "__main__":
    main()
