"""Descriptions as word vectors, by a pretrained MiniLM (a BERT of six layers) that this project did not train."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors import SafetensorError
from torch import Tensor
from transformers import BertModel, BertTokenizerFast

from common.errors import WeightsError

MAX_TOKENS = 40


def load_text_encoder(folder: Path) -> tuple[BertTokenizerFast, BertModel]:
    """Tokenizer and encoder from a local folder, nothing fetched. Raises WeightsError if they are not there."""
    try:
        tokenizer = BertTokenizerFast.from_pretrained(folder, local_files_only=True)
        encoder = BertModel.from_pretrained(folder, local_files_only=True, use_safetensors=True)
    except (OSError, ValueError, SafetensorError) as error:
        raise WeightsError(f"the text encoder in {folder} cannot be loaded ({error}); run `make install`") from error
    return tokenizer, encoder.eval()


@torch.no_grad()
def embed(texts: Sequence[str], tokenizer: BertTokenizerFast, encoder: BertModel) -> tuple[Tensor, Tensor]:
    """Word vectors float32 (B, MAX_TOKENS, 384) and a mask (B, MAX_TOKENS), 1 for a word; an empty text has no words.

    As many places for every text: torch compiles and keeps kernels for each shape it meets, and with one shape for each
    length of a text 400 clips took 490 MB.
    """
    tokens = tokenizer(list(texts), padding="max_length", truncation=True, max_length=MAX_TOKENS, return_tensors="pt")
    vectors = encoder(input_ids=tokens["input_ids"], attention_mask=tokens["attention_mask"]).last_hidden_state
    spoken = torch.tensor([[float(bool(text.strip()))] for text in texts])
    mask = tokens["attention_mask"].float() * spoken
    return vectors.float() * mask[..., None], mask
