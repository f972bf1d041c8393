"""Memory tiers: which device, precision and offloading a large model gets, by what is free."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import torch

from common.errors import DeviceError
from receiver.generators.options import GeneratorOptions

Offloaded = Literal["none", "model", "sequential"]

GB: Final = 1e9

PRECISIONS: Final = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}

_REMEDY: Final = "choose a smaller --generator-side, or --offload model or sequential, or free memory on that device"


@dataclass(frozen=True)
class Free:
    """Free memory in bytes: of the machine, and of the GPU, None where there is none. ``bfloat16``: the GPU has it."""

    ram: float
    gpu: float | None
    bfloat16: bool = True


@dataclass(frozen=True)
class Plan:
    """A tier: ``device`` as torch names it, ``precision`` of the weights, what is offloaded, whether the VAE works tile
    by tile. Tiles are blended at their seams, so another tier may give other bytes."""

    device: str
    precision: Literal["float32", "bfloat16", "float16"]
    offload: Offloaded
    tiling: bool

    def dtypes(self, exact: Sequence[str]) -> dict[str, torch.dtype]:
        """By component, as from_pretrained takes them; those in ``exact`` are float32."""
        return {"default": PRECISIONS[self.precision], **dict.fromkeys(exact, torch.float32)}

    def __str__(self) -> str:
        offload = "" if self.offload == "none" else f", {self.offload} offload, tiled VAE"
        return f"{self.device}, {self.precision}{offload}"


def choose(
    parameters: Mapping[str, int],
    chain: Sequence[str],
    working: float,
    free: Free,
    options: GeneratorOptions,
    exact: Sequence[str] = (),
) -> Plan:
    """The tier for a pipeline whose components have so many ``parameters``.

    With a GPU the first that fits: everything on it; one model at a time (with model offload the components of
    ``chain`` take turns, the others stay); one layer at a time. The weights pass through main memory in any case, and
    must fit there. Without: float32 where it fits, else bfloat16. ``working`` are bytes for all that is no weight;
    ``exact`` are components kept in float32. What ``options`` say is not questioned, but the device must be there.
    Raises DeviceError.
    """
    on_gpu = options.device.startswith("cuda") or (options.device == "auto" and free.gpu is not None)
    if on_gpu and free.gpu is None:
        raise DeviceError(
            f"--device {options.device}: torch {torch.__version__} finds no such GPU; install the CUDA build of torch "
            "(README, GPU), or choose --device cpu"
        )

    def size(precision: str, names: Sequence[str]) -> float:
        wide = PRECISIONS[precision].itemsize
        return float(sum(parameters[name] * (4 if name in exact else wide) for name in names))

    if not on_gpu:
        if options.offload in ("model", "sequential"):
            raise DeviceError(f"--offload {options.offload} needs a GPU, and torch {torch.__version__} finds none")
        for precision in ("float32", "bfloat16") if options.precision == "auto" else (options.precision,):
            needed = size(precision, list(parameters)) + working
            if needed <= free.ram:
                return Plan("cpu", precision, "none", tiling=False)
        raise DeviceError(
            f"the model needs {needed / GB:.1f} GB of memory in {precision}, and {free.ram / GB:.1f} GB are free: "
            "choose a smaller generator, or a machine with more"
        )
    assert free.gpu is not None
    device = "cuda" if options.device == "auto" else options.device
    precision = ("bfloat16" if free.bfloat16 else "float16") if options.precision == "auto" else options.precision
    everything = size(precision, list(parameters))
    in_turn = [size(precision, [name]) for name in parameters if name in chain]
    staying = size(precision, [name for name in parameters if name not in chain])
    needs: dict[Offloaded, float] = {
        "none": everything,
        "model": max(in_turn, default=0.0) + staying,
        "sequential": 0.0,
    }
    if options.offload != "auto":
        return Plan(device, precision, options.offload, tiling=options.offload != "none")
    if everything > free.ram:
        raise DeviceError(
            f"the weights need {everything / GB:.1f} GB of main memory on their way to the GPU, and "
            f"{free.ram / GB:.1f} GB are free"
        )
    for offload, weights in needs.items():
        if weights + working <= free.gpu:
            return Plan(device, precision, offload, tiling=offload != "none")
    raise DeviceError(
        f"the model needs {working / GB:.1f} GB on the GPU even with --offload sequential, and {free.gpu / GB:.1f} GB "
        "are free: choose a smaller --generator-side, or --device cpu"
    )


def measured(device: str) -> Free:
    """What is free now on ``device`` ("auto", "cpu", "cuda", "cuda:N") and in main memory."""
    if device == "cpu" or not torch.cuda.is_available():
        return Free(_free_ram(), None)
    number = int(device.partition(":")[2] or torch.cuda.current_device())
    if number >= torch.cuda.device_count():
        return Free(_free_ram(), None)
    return Free(_free_ram(), float(torch.cuda.mem_get_info(number)[0]), torch.cuda.is_bf16_supported())


def _free_ram() -> float:
    """Bytes of memory that this process may still take: of the machine, and of the container that it may be in."""
    free = float(os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    for line in _lines("/proc/meminfo"):
        if line.startswith("MemAvailable:"):
            free = float(line.split()[1]) * 1024
    limit, used, stat = (_lines(f"/sys/fs/cgroup/memory.{name}") for name in ("max", "current", "stat"))
    left = container_free(limit, used, stat)
    return free if left is None else min(free, left)


def container_free(limit: Sequence[str], used: Sequence[str], stat: Sequence[str]) -> float | None:
    """Bytes that a container may still take, None without a limit; by the lines of its memory.max, memory.current and
    memory.stat (cgroup v2).

    Cached files that nobody has read lately count as used there, but give way to whoever asks.
    """
    if not (limit and used and limit[0].isdigit() and used[0].isdigit()):
        return None
    cached = [line.split()[1] for line in stat if line.startswith("inactive_file ")]
    return max(0.0, float(limit[0]) - float(used[0]) + float(sum(map(int, cached))))


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text(encoding="ascii").splitlines()
    except (OSError, UnicodeError):
        return []


def place(pipeline: Any, plan: Plan) -> None:
    """Puts a pipeline where the plan says. It may be told again after others that share its models. Raises
    DeviceError."""
    if plan.tiling:
        pipeline.vae.enable_tiling()
    with memory_errors(plan):
        if plan.offload == "model":
            pipeline.enable_model_cpu_offload(device=plan.device)
        elif plan.offload == "sequential":
            pipeline.enable_sequential_cpu_offload(device=plan.device)
        else:
            pipeline.to(plan.device)


@contextmanager
def memory_errors(plan: Plan) -> Iterator[None]:
    """Within it running out of memory is a DeviceError that says what to do."""
    try:
        yield
    except torch.OutOfMemoryError:
        torch.cuda.empty_cache()
        raise DeviceError(f"out of GPU memory ({plan}): {_REMEDY}") from None
    except MemoryError:
        raise DeviceError(f"out of memory ({plan}): {_REMEDY}") from None
    except RuntimeError as error:
        if "can't allocate memory" not in str(error):  # what torch's allocator for CPUs says
            raise
        raise DeviceError(f"out of memory ({plan}): {_REMEDY}") from None
