"""BERT as an encoder of texts (Devlin et al., arXiv 1810.04805): token numbers to a vector for each token.

Inference alone: no dropout, no pooler, one segment. Tensors have the names that the published files give them.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

import torch
from safetensors import safe_open
from torch import Tensor, nn
from torch.nn import functional

from common.uninitialised import Uninitialised

_UNUSED: Final = ("embeddings.position_ids", "pooler.dense.weight", "pooler.dense.bias")
"""In published files, and of no use here."""

_LARGEST: Final = 1 << 20
"""No size of a network that this is meant for is larger."""


@dataclass(frozen=True)
class BertSizes:
    """Of the network: tokens, width of a vector, layers, heads, width inside a layer, most tokens of a text, ε of the
    norms. Raises ValueError for what is no such network."""

    vocab_size: int
    hidden_size: int
    num_hidden_layers: int
    num_attention_heads: int
    intermediate_size: int
    max_position_embeddings: int = 512
    type_vocab_size: int = 2
    layer_norm_eps: float = 1e-12

    def __post_init__(self) -> None:
        sizes = {name: value for name, value in vars(self).items() if name != "layer_norm_eps"}
        for name, value in sizes.items():
            if type(value) is not int or not 1 <= value <= _LARGEST:
                raise ValueError(f"{name} is {value!r}")
        if self.num_hidden_layers > 128 or self.hidden_size % self.num_attention_heads:
            raise ValueError(f"{self.num_hidden_layers} layers, {self.num_attention_heads} heads of {self.hidden_size}")
        if type(self.layer_norm_eps) is not float or not 0.0 < self.layer_norm_eps < 1.0:
            raise ValueError(f"layer_norm_eps is {self.layer_norm_eps!r}")

    @classmethod
    def read(cls, file: Path) -> BertSizes:
        """From a published config.json. Raises OSError, ValueError: no such file, or another kind of network."""
        given: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        if not isinstance(given, dict):
            raise ValueError(f"{file} holds no settings")
        for name, known in (("hidden_act", "gelu"), ("position_embedding_type", "absolute"), ("model_type", "bert")):
            if given.get(name, known) != known:
                raise ValueError(f"{name} is {given[name]!r}, not {known!r}")
        try:
            return cls(**{name: given[name] for name in cls.__dataclass_fields__ if name in given})
        except TypeError as error:
            raise ValueError(f"{file} is incomplete: {error}") from None


class Bert(nn.Module):
    """Token numbers (B, L) to vectors float32 (B, L, D)."""

    def __init__(self, sizes: BertSizes) -> None:
        super().__init__()
        width = sizes.hidden_size
        self.most_tokens = sizes.max_position_embeddings
        self.embeddings = nn.ModuleDict(
            {
                "word_embeddings": nn.Embedding(sizes.vocab_size, width),
                "position_embeddings": nn.Embedding(sizes.max_position_embeddings, width),
                "token_type_embeddings": nn.Embedding(sizes.type_vocab_size, width),
                "LayerNorm": nn.LayerNorm(width, eps=sizes.layer_norm_eps),
            }
        )
        self.encoder = nn.ModuleDict({"layer": nn.ModuleList(_Layer(sizes) for _ in range(sizes.num_hidden_layers))})

    @classmethod
    def load(cls, folder: Path) -> Bert:
        """From ``config.json`` and ``model.safetensors`` of a folder, as published; every tensor is read from there.

        Raises OSError, ValueError, RuntimeError or SafetensorError for files that are missing, damaged or of another
        network.
        """
        with Uninitialised():
            network = cls(BertSizes.read(folder / "config.json"))
        with safe_open(folder / "model.safetensors", "pt") as opened:
            tensors = {name: opened.get_tensor(name) for name in opened.keys() if name not in _UNUSED}  # noqa: SIM118
        network.load_state_dict({name: tensor.float() for name, tensor in tensors.items()}, strict=True, assign=True)
        return network.eval()

    def forward(self, tokens: Tensor, mask: Tensor) -> Tensor:
        """``tokens`` int64 (B, L) with L at most ``most_tokens``; ``mask`` (B, L) is 1 where there is one. Vectors
        where there is none mean nothing."""
        embed = self.embeddings
        x = embed["word_embeddings"](tokens) + embed["token_type_embeddings"](torch.zeros_like(tokens))
        x = embed["LayerNorm"](x + embed["position_embeddings"](torch.arange(tokens.shape[1])[None]))
        seen = (mask > 0)[:, None, None, :].expand(-1, 1, tokens.shape[1], -1)
        for layer in cast(nn.ModuleList, self.encoder["layer"]):
            x = layer(x, seen)
        return cast(Tensor, x)


class _Layer(nn.Module):
    """Attention of all tokens to each other, then two linear layers; each added, and normalised afterwards."""

    def __init__(self, sizes: BertSizes) -> None:
        super().__init__()
        width, inner = sizes.hidden_size, sizes.intermediate_size
        self.heads = sizes.num_attention_heads
        attend = nn.ModuleDict({name: nn.Linear(width, width) for name in ("query", "key", "value")})
        self.attention = nn.ModuleDict({"self": attend, "output": _added(width, width, sizes)})
        self.intermediate = nn.ModuleDict({"dense": nn.Linear(width, inner)})
        self.output = _added(inner, width, sizes)

    def forward(self, x: Tensor, seen: Tensor) -> Tensor:
        """``x`` (B, L, D); ``seen`` bool (B, 1, L, L): which tokens (last) each token looks at."""
        attend, after = cast(nn.ModuleDict, self.attention["self"]), cast(nn.ModuleDict, self.attention["output"])
        query, key, value = (
            attend[name](x).unflatten(-1, (self.heads, -1)).transpose(1, 2) for name in ("query", "key", "value")
        )
        found = functional.scaled_dot_product_attention(query, key, value, attn_mask=seen)
        x = after["LayerNorm"](after["dense"](found.transpose(1, 2).flatten(2)) + x)
        y = self.output["dense"](functional.gelu(self.intermediate["dense"](x)))
        return cast(Tensor, self.output["LayerNorm"](y + x))


def _added(width_in: int, width: int, sizes: BertSizes) -> nn.ModuleDict:
    return nn.ModuleDict(
        {"dense": nn.Linear(width_in, width), "LayerNorm": nn.LayerNorm(width, eps=sizes.layer_norm_eps)}
    )
