"""Descriptions as word vectors, by a pretrained MiniLM (a BERT of six layers) that this project did not train."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import torch
from torch import Tensor

from common.errors import WeightsError
from receiver.generators.mini.bert import Bert
from receiver.generators.mini.network import in_a_line

if TYPE_CHECKING:
    from tokenizers import Tokenizer

MAX_TOKENS: Final = 40
"""Tokens of a text, its begin and its end included; what is beyond is cut off."""


class TextEncoder:
    """Texts to word vectors: a tokenizer, and a BERT that reads its tokens."""

    def __init__(self, tokenizer: Tokenizer, network: Bert) -> None:
        """``tokenizer`` is set to cut and to fill texts up to ``MAX_TOKENS``. Raises ValueError where it has no [PAD],
        or the network takes fewer tokens."""
        padding = tokenizer.token_to_id("[PAD]")
        if padding is None or network.most_tokens < MAX_TOKENS:
            raise ValueError(f"texts of {MAX_TOKENS} tokens are needed, filled up with [PAD]")
        tokenizer.enable_truncation(MAX_TOKENS)
        tokenizer.enable_padding(length=MAX_TOKENS, pad_id=padding, pad_token="[PAD]")
        self.tokenizer, self.network = tokenizer, network

    @classmethod
    def load(cls, folder: Path) -> TextEncoder:
        """From a local folder: tokenizer.json, config.json, model.safetensors. Raises WeightsError."""
        from tokenizers import Tokenizer

        try:
            # as text, so that its errors are of one kind whatever is wrong
            tokenizer = Tokenizer.from_str((folder / "tokenizer.json").read_text(encoding="utf-8"))
            return cls(tokenizer, Bert.load(folder))
        except Exception as error:  # the tokenizers library raises nothing narrower
            told = f"the text encoder in {folder} cannot be loaded ({in_a_line(error)})"
            raise WeightsError(f"{told}; run `make install`") from error

    @torch.no_grad()
    def __call__(self, texts: Sequence[str]) -> tuple[Tensor, Tensor]:
        """Word vectors float32 (B, MAX_TOKENS, D) and a mask (B, MAX_TOKENS), 1 for a word; an empty text has no words.

        As many places for every text: torch compiles and keeps kernels for each shape it meets, and with one shape for
        each length of a text 400 clips took 490 MB.
        """
        encoded = [self.tokenizer.encode(text) for text in texts]
        tokens = torch.tensor([one.ids for one in encoded])
        read = torch.tensor([one.attention_mask for one in encoded])
        spoken = torch.tensor([[float(bool(text.strip()))] for text in texts])
        mask = read.float() * spoken
        return self.network(tokens, read) * mask[..., None], mask
