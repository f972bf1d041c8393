"""Memory tiers are a function of numbers."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

from common.errors import DeviceError, SettingError
from receiver.generators.large import memory
from receiver.generators.large.memory import Free, Plan, choose, measured
from receiver.generators.options import GeneratorOptions

# In bfloat16: 12, 4 and 6 GB in turn (the VAE in float32: 2), 1 GB that stays.
PARAMETERS = {
    "text_encoder": 6_000_000_000,
    "transformer": 2_000_000_000,
    "vae": 500_000_000,
    "controlnet": 500_000_000,
}
CHAIN = ("text_encoder", "image_encoder", "transformer", "vae")


def tier(ram: float, gpu: float | None, bfloat16: bool = True, **options) -> Plan:
    free = Free(ram * 1e9, None if gpu is None else gpu * 1e9, bfloat16)
    return choose(PARAMETERS, CHAIN, 5e9, free, GeneratorOptions(**options), exact=("vae",))


@pytest.fixture(scope="module", autouse=True)
def roomy() -> None:
    """In place of that of ``conftest``: here memory is measured."""


@pytest.mark.parametrize(
    ("ram", "gpu", "expected"),
    [
        (64, 24.1, Plan("cuda", "bfloat16", "none", tiling=False)),
        (64, 23.9, Plan("cuda", "bfloat16", "model", tiling=True)),
        (64, 18.1, Plan("cuda", "bfloat16", "model", tiling=True)),
        (64, 17.9, Plan("cuda", "bfloat16", "sequential", tiling=True)),
        (64, 5.1, Plan("cuda", "bfloat16", "sequential", tiling=True)),
        (64, None, Plan("cpu", "float32", "none", tiling=False)),
        (40, None, Plan("cpu", "bfloat16", "none", tiling=False)),
    ],
)
def test_the_first_tier_that_fits_is_taken(ram, gpu, expected):
    assert tier(ram, gpu) == expected


@pytest.mark.parametrize(
    ("ram", "gpu", "options", "message"),
    [
        (64, 4.9, {}, r"needs 5.0 GB on the GPU .* and 4.9 GB are free.*--generator-side"),
        (18, 80, {}, r"need 19.0 GB of main memory"),
        (23, None, {}, r"needs 24.0 GB of memory in bfloat16, and 23.0 GB are free"),
        (40, None, {"precision": "float32"}, r"needs 41.0 GB of memory in float32"),
        (64, None, {"device": "cuda"}, r"finds no such GPU; install the CUDA build.*--device cpu"),
        (64, None, {"offload": "model"}, r"--offload model needs a GPU"),
    ],
)
def test_what_does_not_fit_or_is_not_there_is_told_with_the_numbers(ram, gpu, options, message):
    with pytest.raises(DeviceError, match=message):
        tier(ram, gpu, **options)


def test_what_is_asked_for_is_not_questioned():
    assert tier(1, 1, offload="sequential", device="cuda:1") == Plan("cuda:1", "bfloat16", "sequential", tiling=True)
    assert tier(1, 1, offload="none", precision="float32") == Plan("cuda", "float32", "none", tiling=False)
    assert tier(64, 80, device="cpu") == Plan("cpu", "float32", "none", tiling=False)


def test_a_gpu_without_bfloat16_gets_float16():
    assert tier(64, 80, bfloat16=False).precision == "float16"


def test_a_plan_says_what_it_is_and_which_component_has_which_type():
    plan = Plan("cuda", "float16", "model", tiling=True)
    assert str(plan) == "cuda, float16, model offload, tiled VAE"
    assert plan.dtypes(exact=("vae",)) == {"default": torch.float16, "vae": torch.float32}


@pytest.mark.parametrize(("offload", "call"), [("none", "to"), ("model", "model"), ("sequential", "sequential")])
def test_a_pipeline_is_placed_as_planned(offload, call):
    done = []
    pipeline = SimpleNamespace(
        vae=SimpleNamespace(enable_tiling=lambda: done.append(("tiling",))),
        to=lambda device: done.append(("to", device)),
        enable_model_cpu_offload=lambda device: done.append(("model", device)),
        enable_sequential_cpu_offload=lambda device: done.append(("sequential", device)),
    )
    memory.place(pipeline, Plan("cuda:2", "float16", offload, tiling=offload != "none"))
    assert done == [*([("tiling",)] if offload != "none" else []), (call, "cuda:2")]


def test_free_memory_is_measured_and_a_container_is_smaller_than_its_machine(monkeypatch, tmp_path):
    assert measured("cpu").gpu is None
    whole = measured("cpu").ram
    assert 1e8 < whole < 1e15
    files = {
        "/proc/meminfo": ["MemTotal: 99 kB", "MemAvailable:    8000000 kB"],
        "/sys/fs/cgroup/memory.max": ["4000000000"],
        "/sys/fs/cgroup/memory.current": ["1500000000"],
    }
    monkeypatch.setattr(memory, "_lines", lambda path: files.get(path, []))
    assert measured("cpu").ram == 2.5e9
    files["/sys/fs/cgroup/memory.stat"] = ["anon 500000000", "inactive_file 900000000"]
    assert measured("cpu").ram == 3.4e9
    files["/sys/fs/cgroup/memory.max"] = ["max"]
    assert measured("cpu").ram == 8e6 * 1024


@pytest.mark.parametrize(
    ("limit", "used", "stat", "free"),
    [
        (["4000"], ["3900"], ["anon 400", "file 3500", "inactive_file 3000", "active_file 500"], 3100.0),
        (["4000"], ["3900"], ["anon 3800", "total_inactive_file 50"], 100.0),
        (["4000"], ["4100"], [], 0.0),
        (["max"], ["3900"], ["inactive_file 3000"], None),
        (["4000"], [], [], None),
        ([], [], [], None),
    ],
)
def test_cached_files_in_a_container_are_free(limit, used, stat, free):
    assert memory.container_free(limit, used, stat) == free


@pytest.mark.parametrize(
    "wrong",
    [
        {"device": "tpu"},
        {"device": "cuda:x"},
        {"precision": "int4"},
        {"offload": "disk"},
        {"guidance_form": "other"},
        {"side": 8},
        {"device": "cpu", "offload": "model"},
    ],
)
def test_wrong_options_are_refused(wrong):
    with pytest.raises(SettingError):
        GeneratorOptions(**wrong)
