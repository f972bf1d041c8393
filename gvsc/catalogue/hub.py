"""Models of the Hugging Face hub in its local cache: whether they are whole, whether they are unaltered, and fetching.

Only ``get`` reaches for the network, and only unless ``HF_HUB_OFFLINE`` is set. The cache is the hub's own
(``HF_HOME``, ``HF_HUB_CACHE``). Weights count as safetensors alone.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Iterator
from contextlib import suppress
from fnmatch import fnmatch
from pathlib import Path
from typing import Final

from common.errors import WeightsError
from common.needs import Hub
from common.weights import progress

_MARKERS: Final = ("config.json", "scheduler_config.json", "tokenizer_config.json", "preprocessor_config.json")
_SUFFIXES: Final = ("json", "txt", "model", "safetensors")
_UNWANTED: Final = ("*.fp16.*", "*.non_ema.*", "*.bin", "*.ckpt")
_CHUNK: Final = 2**22


def named(hub: Hub) -> str:
    """The id or folder in use: what the model's environment variable names, else its own id."""
    return (os.environ.get(hub.variable) if hub.variable else None) or hub.id


def own_folder(hub: Hub) -> Path | None:
    """The folder that the model's environment variable names, if it names one."""
    with suppress(OSError):  # no name that a file could have
        if (folder := Path(named(hub))).is_dir():
            return folder
    return None


def folder_of(hub: Hub) -> Path | None:
    """The folder that holds what the cache has of a model, or that the user named; None where there is none."""
    name = named(hub)
    if own := own_folder(hub):
        return own
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        for marker in ("model_index.json", *_MARKERS):
            found = try_to_load_from_cache(name, marker)
            if isinstance(found, str):
                return Path(found).parent
    except (HFValidationError, OSError):  # neither a folder nor an id; or not to be read
        pass
    return None


def lacking(folder: Path, hub: Hub) -> str | None:
    """The first thing that is not there of a model, None if it is whole: its configuration, its weights, each shard of
    them. An interrupted download is not whole."""
    if not hub.parts:
        return _lacking_of_part(folder)
    if not (folder / "model_index.json").is_file():
        return "model_index.json"
    for part in hub.parts:
        if missing := _lacking_of_part(folder / part):
            return f"{part}/{missing}"
    return None


def files(folder: Path, hub: Hub) -> list[Path]:
    """The files of a model that are used, sorted."""
    patterns = _wanted(hub)
    found = [file for file in folder.rglob("*") if file.is_file()]
    names = [(file.relative_to(folder).as_posix(), file) for file in found]
    wanted = [file for name, file in names if any(fnmatch(name, p) for p in patterns)]
    return sorted(file for file in wanted if not any(fnmatch(file.name, p) for p in _UNWANTED))


def problems(folder: Path, hub: Hub) -> list[str]:
    """What is missing or altered: every file is hashed, with a bar on a terminal.

    The cache names a file's content by its hash: SHA-256 for large files, git's SHA-1 for small ones. A folder of the
    user's own has no such names; there only what is missing can be told, and that is said.
    """
    found = []
    if missing := lacking(folder, hub):
        found.append(f"{folder / missing} is missing")
    listed = files(folder, hub)
    unnamed = 0
    done = 0
    with progress.bar(hub.id, sum(file.stat().st_size for file in listed)) as tell:
        for file in listed:
            expected = file.resolve().name
            size = file.stat().st_size
            if not (file.is_symlink() and set(expected) <= set("0123456789abcdef") and len(expected) in (40, 64)):
                unnamed += 1
                continue
            of_git = hashlib.sha1(b"blob %d\0" % size, usedforsecurity=False)
            digest = hashlib.sha256() if len(expected) == 64 else of_git
            for chunk in _chunks(file):
                digest.update(chunk)
                done += len(chunk)
                tell(done)
            if digest.hexdigest() != expected:
                found.append(f"{file} is altered: expected {expected}, found {digest.hexdigest()}")
    if unnamed:
        found.append(f"{folder}: {unnamed} file(s) have no hash to be held against")
    return found


def get(hub: Hub) -> Path:
    """Fetches what is missing of a model and returns its folder; the hub draws its own bars, on a terminal alone.

    What generators use is fetched as they would do it themselves. A folder that the user named is only looked at.
    Raises WeightsError: the hub cannot be reached or is not to be asked, it wants the licence accepted, it has no such
    model, or there is no room.
    """
    from transformers.utils import logging

    logging.set_verbosity_error()  # loading nothing, it need not tell what loading would want
    from receiver.generators.large import hub as loader

    name = named(hub)
    if hub.pipeline:
        import diffusers

        folder = loader.pipeline_folder(getattr(diffusers, hub.pipeline), name)
    elif not hub.processor:
        folder = loader.model_folder(name)
    else:
        folder = own_folder(hub) or _snapshot(name, hub)
    if missing := lacking(folder, hub):
        raise WeightsError(f"{name} is not whole: it has no {missing}")
    return folder


def _snapshot(name: str, hub: Hub) -> Path:
    import huggingface_hub
    from huggingface_hub.errors import RepositoryNotFoundError
    from huggingface_hub.utils.tqdm import disable_progress_bars

    from receiver.generators.large import hub as loader

    if not sys.stderr.isatty():
        disable_progress_bars()
    instead = f", or name a folder in {hub.variable}" if hub.variable else ""
    try:
        return Path(
            huggingface_hub.snapshot_download(
                name, allow_patterns=_wanted(hub), ignore_patterns=list(_UNWANTED), local_files_only=loader.offline()
            )
        )
    except RepositoryNotFoundError as error:  # among them those whose licence was not accepted
        raise WeightsError(loader.explained(name, error)) from None
    except Exception as error:  # noqa: BLE001  the hub's HTTP library, whichever it is, has errors of its own
        if loader.offline():
            told = "and fetching is forbidden (HF_HUB_OFFLINE or GVSC_OFFLINE)"
            raise WeightsError(f"{name} is not whole in the hub's cache, {told}: allow it{instead}") from None
        cause: BaseException = error
        while cause.__cause__ is not None:
            cause = cause.__cause__
        reason = (str(cause).strip().splitlines() or [type(cause).__name__])[0]
        raise WeightsError(f"{name} could not be fetched from the hub ({reason}): try again{instead}") from None


def _wanted(hub: Hub) -> list[str]:
    """Patterns of the files that are used."""
    if not hub.parts:
        return [f"*.{suffix}" for suffix in _SUFFIXES]
    return ["model_index.json", *(f"{part}/*.{suffix}" for part in hub.parts for suffix in _SUFFIXES)]


def _lacking_of_part(folder: Path) -> str | None:
    marker = next((name for name in _MARKERS if (folder / name).is_file()), None)
    if marker is None:
        return _MARKERS[0]
    if marker != _MARKERS[0]:  # a scheduler, a tokenizer: no weights
        return None
    indexes = [file for file in folder.glob("*.safetensors.index.json") if not fnmatch(file.name, _UNWANTED[0])]
    if not indexes:
        whole = [file for file in folder.glob("*.safetensors") if not any(fnmatch(file.name, p) for p in _UNWANTED)]
        return None if whole else "*.safetensors"
    for index in indexes:
        try:
            shards = sorted(set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()))
        except (OSError, ValueError, KeyError, AttributeError, TypeError):
            return f"{index.name} (unreadable)"
        for shard in shards:
            if not (folder / str(shard)).is_file():
                return str(shard)
    return None


def _chunks(file: Path) -> Iterator[bytes]:
    with file.open("rb") as opened:
        while chunk := opened.read(_CHUNK):
            yield chunk
