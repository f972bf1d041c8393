"""Word vectors of captions, small: a byte for each value, each dimension in steps of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

NO_TEXT = -1


@dataclass(frozen=True)
class Words:
    """The texts' vectors one after another, int8 (T, D) in steps of ``step`` (D,); ``ends`` (N,): where each ends."""

    values: NDArray[np.int8]
    ends: NDArray[np.int64]
    step: NDArray[np.float32]

    @classmethod
    def packed(cls, texts: Sequence[NDArray[np.float32]]) -> Words:
        """From the vectors (L, D) of each text. A value is off by half a step at most, 1/254 of the largest."""
        together = np.concatenate(list(texts))
        step = np.maximum(np.abs(together).max(0) / 127.0, 1e-8).astype(np.float32)
        ends = np.cumsum([len(text) for text in texts], dtype=np.int64)
        return cls(np.rint(together / step).astype(np.int8), ends, step)

    def __len__(self) -> int:
        return len(self.ends)

    def __getitem__(self, text: int) -> NDArray[np.float32]:
        """The vectors (L, D) of a text; none of `NO_TEXT`."""
        if text == NO_TEXT:
            return np.empty((0, len(self.step)), np.float32)
        begin = int(self.ends[text - 1]) if text else 0
        return self.values[begin : int(self.ends[text])].astype(np.float32) * self.step

    def batch(self, texts: Sequence[int]) -> tuple[Tensor, Tensor]:
        """Vectors (B, L, D) and mask (B, L) as networks take them; L is at least 1."""
        vectors = [self[text] for text in texts]
        together = np.zeros((len(texts), max(1, *map(len, vectors)), len(self.step)), np.float32)
        mask = np.zeros(together.shape[:2], np.float32)
        for row, seen, text in zip(together, mask, vectors, strict=True):
            row[: len(text)], seen[: len(text)] = text, 1.0
        return torch.from_numpy(together), torch.from_numpy(mask)
