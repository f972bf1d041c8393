"""Weights of the large generators: from a folder or the Hugging Face hub, only safetensors, nothing left random.

A hub id is fetched into the hub's own cache, with its progress bar on a terminal, and is a folder from then on: there
is one way to load. ``HF_HOME``, ``HF_TOKEN`` and ``HF_HUB_OFFLINE`` mean what they do elsewhere; ``GVSC_OFFLINE`` as
well forbids fetching.
"""

from __future__ import annotations

import errno
import inspect
import json
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import torch
from huggingface_hub import constants, snapshot_download, try_to_load_from_cache
from huggingface_hub.errors import (
    GatedRepoError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
)
from huggingface_hub.utils.tqdm import disable_progress_bars, enable_progress_bars
from safetensors import safe_open

from common.errors import DeviceError, GvscError, WeightsError
from common.weights import cache

_HUB_ID: Final = re.compile(r"[\w.-]{1,96}/[\w.-]{1,96}")

_LIBRARIES: Final = ("diffusers", "transformers")
"""Where a pipeline's index may take classes from."""

_WEIGHTS: Final = ("diffusion_pytorch_model", "model")
"""Names of weights as diffusers and transformers save them."""


def offline() -> bool:
    """Whether nothing is to be fetched."""
    return cache.offline() or bool(constants.HF_HUB_OFFLINE)


def pipeline_folder(kind: Any, place: str) -> Path:
    """The folder of the pipeline at ``place``, fetched if it is a hub id: the parts that ``kind``, a class of
    diffusers' pipelines, needs. Raises WeightsError."""
    folder = _as_folder(place, "model_index.json")
    if folder is None:
        with quiet(), _told(place):
            folder = Path(kind.download(place, use_safetensors=True))
    return _having(folder, "model_index.json", place, "a diffusers pipeline")


def model_folder(place: str) -> Path:
    """The same for a single model. Raises WeightsError."""
    folder = _as_folder(place, "config.json")
    if folder is None:
        wanted = ["config.json", *(f"{name}*.safetensors*" for name in _WEIGHTS)]
        with quiet(), _told(place):
            folder = Path(snapshot_download(place, allow_patterns=wanted))
    return _having(folder, "config.json", place, "a diffusers model")


def _as_folder(place: str, index: str) -> Path | None:
    """The folder that ``place`` names; where fetching is forbidden that in the hub's cache; None for what the hub is to
    be asked for."""
    path = Path(place).expanduser()
    if path.is_dir():
        return path
    if not _HUB_ID.fullmatch(place) or place.startswith("."):
        raise WeightsError(f"there is no folder {place}, and it is no id on the hub, such as owner/name")
    if not offline():
        return None
    cached = try_to_load_from_cache(place, index)
    if not isinstance(cached, str):
        raise WeightsError(_not_to_be_fetched(place))
    return Path(cached).parent


def _not_to_be_fetched(place: str) -> str:
    return (
        f"{place} is not in the hub's cache, and fetching is forbidden (HF_HUB_OFFLINE or GVSC_OFFLINE): fetch it once "
        f"with `hf download {place}`, or name a folder with --generator-model"
    )


def _having(folder: Path, index: str, place: str, what: str) -> Path:
    if not (folder / index).is_file():
        raise WeightsError(f"{place} is not {what}: it has no {index}")
    return folder


def parameters(folder: Path) -> int:
    """How many parameters the weights in a model's folder have, read from the heads of its files; 0 where there are
    none. Raises WeightsError."""
    total = 0
    for name in _WEIGHTS:
        index, single = folder / f"{name}.safetensors.index.json", folder / f"{name}.safetensors"
        with _told(str(folder)):
            if index.is_file():
                listed = json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()
                files = [folder / Path(file).name for file in sorted(set(listed))]
            else:
                files = [single] if single.is_file() else []
            for file in files:
                with safe_open(file, framework="pt") as weights:
                    for key in weights.keys():  # noqa: SIM118  (it is no mapping)
                        total += torch.Size(weights.get_slice(key).get_shape()).numel()
    return total


def components(kind: Any, folder: Path) -> dict[str, tuple[str, str]]:
    """Library and class of the components in a pipeline's folder that ``kind`` takes, by name. Raises WeightsError for
    libraries other than the two: an index could name any class of any module."""
    with _told(str(folder)):
        index = json.loads((folder / "model_index.json").read_text(encoding="utf-8"))
        taken = inspect.signature(kind.__init__).parameters
        found = {name: (entry[0], entry[1]) for name, entry in index.items() if name in taken and _names_class(entry)}
    for name, (library, class_name) in found.items():
        if library not in _LIBRARIES:
            raise WeightsError(f"{folder} is not trusted: its index has {library}.{class_name} for {name}")
    return found


def _names_class(entry: Any) -> bool:
    """Whether an entry of an index names a class: it may be a setting, or a component that is left out."""
    return isinstance(entry, list) and len(entry) == 2 and entry[0] is not None


def pipeline_parameters(kind: Any, folder: Path) -> dict[str, int]:
    """Parameters by component of the pipeline in ``folder``, those with any. Raises WeightsError."""
    counted = {name: parameters(folder / name) for name in components(kind, folder)}
    return {name: count for name, count in counted.items() if count}


def load_model(kind: Any, folder: Path, dtype: torch.dtype) -> Any:
    """A model of class ``kind``, of diffusers or transformers, with every weight from the folder. Raises WeightsError
    where files are missing, do not fit, or leave tensors without values: those would be random."""
    with quiet(), _told(str(folder)):
        model, report = kind.from_pretrained(
            folder, local_files_only=True, use_safetensors=True, dtype=dtype, output_loading_info=True
        )
    missing = sorted(report["missing_keys"])
    if missing:
        raise WeightsError(f"the weights in {folder} have no values for {len(missing)} tensors, such as {missing[0]}")
    return model.eval()


def load_pipeline(kind: Any, folder: Path, dtypes: Mapping[str, torch.dtype], **given: Any) -> Any:
    """The pipeline of class ``kind`` from its folder; ``given`` components replace those in it, or their absence.

    ``dtypes`` by component, else of "default". Raises WeightsError as :func:`load_model` does.
    """
    import diffusers
    import transformers

    modules = {"diffusers": diffusers, "transformers": transformers}
    loaded = {}
    for name, (library, class_name) in components(kind, folder).items():
        of = getattr(modules[library], class_name, None)
        if name not in given and inspect.isclass(of) and issubclass(of, torch.nn.Module):
            loaded[name] = load_model(of, folder / name, dtypes.get(name, dtypes["default"]))
    with quiet(), _told(str(folder)):
        pipeline = kind.from_pretrained(folder, local_files_only=True, **loaded, **given)
    pipeline.set_progress_bar_config(disable=not sys.stderr.isatty())
    return pipeline


@contextmanager
def quiet() -> Iterator[None]:
    """Within it the libraries tell of errors alone (what is missing is checked here), and show progress bars on a
    terminal and nowhere else."""
    from diffusers.utils import logging as diffusers_logging
    from transformers.utils import logging as transformers_logging

    terminal = sys.stderr.isatty()
    (enable_progress_bars if terminal else disable_progress_bars)()
    told = {logging: logging.get_verbosity() for logging in (diffusers_logging, transformers_logging)}
    for logging in told:
        (logging.enable_progress_bar if terminal else logging.disable_progress_bar)()
        logging.set_verbosity_error()
    try:
        yield
    finally:
        for logging, verbosity in told.items():
            logging.set_verbosity(verbosity)


@contextmanager
def _told(place: str) -> Iterator[None]:
    """Within it what the hub, the disk and the libraries raise becomes one line that says what to do."""
    try:
        yield
    except (torch.OutOfMemoryError, MemoryError):
        raise DeviceError(f"{place} does not fit into memory: choose a smaller model") from None
    except GvscError:
        raise
    except Exception as error:  # noqa: BLE001  (what the hub's client and a wrong file make libraries raise is anything)
        raise WeightsError(explained(place, error)) from None


def explained(place: str, error: BaseException) -> str:
    """One line: what is wrong with ``place``, by an error of the hub, a library or the disk, and what to do."""
    causes = list(_causes(error))
    kinds = [type(cause) for cause in causes]

    def any_is(*wanted: type[BaseException]) -> bool:
        return any(issubclass(kind, wanted) for kind in kinds)

    if any(isinstance(cause, OSError) and cause.errno == errno.ENOSPC for cause in causes):
        return f"the disk is full while {place} was fetched: make room, or set HF_HOME to a folder elsewhere"
    if any_is(GatedRepoError):
        return (
            f"{place} is given only to those who have accepted its licence: do that on its page on the hub, then say "
            "who you are with HF_TOKEN or `hf auth login`"
        )
    if any_is(RepositoryNotFoundError):
        return f"the hub has no model {place}, or not for you: check the name, or log in with HF_TOKEN"
    if any_is(OfflineModeIsEnabled):
        return _not_to_be_fetched(place)
    transport = any(base.__name__ == "TransportError" for kind in kinds for base in kind.__mro__)
    if transport or any_is(ConnectionError, LocalEntryNotFoundError, TimeoutError):
        return (
            f"the hub cannot be reached, and {place} is not in its cache: try again, or fetch it elsewhere and name "
            "its folder with --generator-model"
        )
    if any_is(ImportError):
        return f"{place} needs a package that is missing: {_first_line(error)}"
    return f"{place} does not load: {_first_line(error)}"


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def _first_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[0][:300]}" if lines else type(error).__name__
