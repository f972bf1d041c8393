"""What the networks of `mini` are: torch modules that know the settings they were made with, and a folder of them.

A network's folder holds ``config.json``, the arguments of its ``__init__``, and its tensors in safetensors files: one,
``diffusion_pytorch_model.safetensors``, or several with an index beside them. That is the layout that diffusers'
``ModelMixin`` writes and reads; diffusers itself is not needed, and takes seconds to import.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Mapping
from functools import wraps
from pathlib import Path
from typing import Any, Concatenate, Final, ParamSpec, TypeVar, cast

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from common.errors import WeightsError
from common.uninitialised import Uninitialised

P = ParamSpec("P")
N = TypeVar("N", bound="Network")

CONFIG: Final = "config.json"
_NAME: Final = "diffusion_pytorch_model"
_WHAT_LOADING_RAISES: Final = (OSError, ValueError, TypeError, KeyError, RuntimeError, SafetensorError)


class Network(nn.Module):
    """A module whose ``config`` holds all arguments of its ``__init__`` by name, as JSON has them."""

    config: Mapping[str, Any]


def configured(init: Callable[Concatenate[N, P], None]) -> Callable[Concatenate[N, P], None]:
    """``init``, a network's ``__init__``, that also sets ``config``."""
    signature = inspect.signature(init)

    @wraps(init)
    def initialise(self: N, *args: P.args, **kwargs: P.kwargs) -> None:
        bound = signature.bind(self, *args, **kwargs)
        bound.apply_defaults()
        _, *given = bound.arguments.items()
        init(self, *args, **kwargs)
        self.config = dict(given)

    return cast(Callable[Concatenate[N, P], None], initialise)


def load(kind: type[N], folder: Path) -> N:
    """The network of class ``kind`` from its folder, for inference: float32, no tensor left as it was initialised.

    Raises WeightsError for files that are missing or damaged, and for settings or tensors that are not those of
    ``kind``.
    """
    config = read_config(folder / CONFIG, kind.__name__)
    try:
        with Uninitialised():
            network = kind(**config)
        tensors = _tensors(folder)
        missing, odd = network.state_dict().keys() - tensors.keys(), tensors.keys() - network.state_dict().keys()
        if missing or odd:
            what = f"lack {min(missing)}" if missing else f"have an unknown {min(odd)}"
            raise WeightsError(f"the weights in {folder} {what}: they are of another version of mini")
        network.load_state_dict(tensors, strict=True, assign=True)
    except _WHAT_LOADING_RAISES as error:
        raise WeightsError(f"the weights of mini in {folder} cannot be loaded: {in_a_line(error)}") from error
    return network.eval()


def save(network: Network, folder: Path, most_bytes: int) -> None:
    """Writes a network as :func:`load` reads it, into files of at most ``most_bytes`` of tensors each."""
    folder.mkdir(parents=True)
    write_config(folder / CONFIG, type(network).__name__, network.config)
    tensors = {name: tensor.detach().contiguous() for name, tensor in network.state_dict().items()}
    shards: list[dict[str, Tensor]] = [{}]
    filled = 0
    for name, tensor in tensors.items():
        if shards[-1] and filled + tensor.nbytes > most_bytes:
            shards.append({})
            filled = 0
        shards[-1][name] = tensor
        filled += tensor.nbytes
    names = [f"{_NAME}-{number:05d}-of-{len(shards):05d}.safetensors" for number in range(1, len(shards) + 1)]
    if len(shards) == 1:
        names = [f"{_NAME}.safetensors"]
    else:
        places = {key: name for name, shard in zip(names, shards, strict=True) for key in shard}
        index = {"metadata": {"total_size": sum(t.nbytes for t in tensors.values())}, "weight_map": places}
        write_json(folder / f"{_NAME}.safetensors.index.json", index)
    for name, shard in zip(names, shards, strict=True):
        save_file(shard, folder / name, metadata={"format": "pt"})
        (folder / name).chmod(0o644)  # the library writes them for the owner alone


def read_config(file: Path, class_name: str) -> dict[str, Any]:
    """The settings in a JSON file of an object of that class; lists are tuples. Raises WeightsError."""
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise WeightsError(f"{file} cannot be read: {error}") from error
    if not isinstance(found, dict) or found.get("_class_name") != class_name:
        what = found.get("_class_name") if isinstance(found, dict) else None
        raise WeightsError(f"{file} is of a {what}, not of a {class_name}")
    return {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in found.items()
        if not name.startswith("_")
    }


def write_config(file: Path, class_name: str, settings: Mapping[str, Any]) -> None:
    """Writes settings as :func:`read_config` reads them."""
    write_json(file, {"_class_name": class_name, **settings})


def write_json(file: Path, content: Mapping[str, Any]) -> None:
    """Writes JSON for people to read, keys sorted."""
    file.write_text(json.dumps(content, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def _tensors(folder: Path) -> dict[str, Tensor]:
    """All tensors of a network's folder, float32, each in memory of its own: in a file they lie at any address, and
    some kernels round by that. Where a file's name tells that it is one of several, all of them must be there."""
    files = sorted(folder.glob(f"{_NAME}*.safetensors"))
    index = folder / f"{_NAME}.safetensors.index.json"
    if index.is_file():
        wanted = set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
        if wanted != {file.name for file in files}:
            raise ValueError("the files are not those that the index lists")
    elif len(files) != 1:
        raise ValueError(f"there is no {_NAME}.safetensors")
    found: dict[str, Tensor] = {}
    for file in files:
        with safe_open(file, "pt") as opened:
            for name in opened.keys():  # noqa: SIM118  (it is no mapping)
                tensor = opened.get_tensor(name)
                found[name] = tensor.clone() if tensor.dtype == torch.float32 else tensor.float()
    return found


def in_a_line(error: Exception) -> str:
    """What an error says, in one line of 300 characters at most."""
    return " ".join(str(error).split())[:300] or type(error).__name__
