"""A receiver's memory over many clips, in processes of their own: what is set there holds from the start to the end."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

HEAP = """
import json, resource
import numpy as np
from receiver.resident import hold_memory
told = hold_memory()
def work(): return [np.ones(1 << 17) for _ in range(150)]  # 150 blocks of 1 MiB, freed together
work()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
work()
print(json.dumps([told, resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before]))
"""

CLIPS = """
import json, sys
from receiver.resident import hold_memory
hold_memory()
import numpy as np
from common.clip import Clip
from receiver.receiver import Receiver
from transmitter.transmitter import Transmitter

def resident_mb(name):
    lines = open("/proc/self/status").read().splitlines()
    return int(dict(line.split(":", 1) for line in lines)[name].split()[0]) * 1024 / 1e6

rng = np.random.default_rng(0)
WORDS = "a red disc and one small grey cube move to the left over some wall of dark brown stone while it rains".split()
video = rng.integers(0, 256, (8, 64, 64, 3), dtype=np.uint8)
transmitter, receiver = Transmitter(), Receiver()

SCHEMES = ("desc-only", "first-frame-desc", "sketches-desc")

NAMING = "a red ball moves to the left and a green square grows on blue and white stripes"

def burst(number, words, text=None):
    text = text or " ".join(rng.choice(WORDS, words))
    return transmitter.encode(Clip(video, text, number=number), 10.0, SCHEMES[number % 3]).samples

def rebuild(samples):
    made = receiver.decode(samples, steps=1)
    assert made.generator == "mini" and not made.failed, made.failed

# what all take part in: descriptions that name nothing, and one that names what is looked for and drawn
first = [burst(n, 12) for n in range(6)] + [burst(n, 0, NAMING) for n in range(3)]
bursts = [burst(n, 1 + n) for n in range(int(sys.argv[1]))]
for samples in first:
    rebuild(samples)
peaks = [resident_mb("VmHWM")]
resident = [resident_mb("VmRSS")]
for samples in bursts:
    rebuild(samples)
    peaks.append(resident_mb("VmHWM"))
    resident.append(resident_mb("VmRSS"))
print(json.dumps([peaks, resident]))
"""


def output_of(code: str, *arguments: str, **environment: str) -> list:
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env={**os.environ, "OMP_NUM_THREADS": "1", **environment},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="counts page faults as Linux does")
def test_memory_that_the_next_clip_needs_is_not_handed_back() -> None:
    told, faults = output_of(HEAP)
    if not told:
        pytest.skip("the C library is not glibc, or the environment speaks for the heap")
    assert faults < 2000  # 150 MiB are 38 400 pages
    told, faults = output_of(HEAP, MALLOC_TRIM_THRESHOLD_="131072")
    assert not told  # what the environment says stays
    assert faults > 30000


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_memory_is_flat_over_descriptions_of_every_length() -> None:
    """36 clips, each description one word longer: with kernels for each length these took 130 MB."""
    peaks, resident = output_of(CLIPS, "36")
    assert len(peaks) == 37
    assert peaks[-1] - peaks[0] < 24, peaks
    assert resident[-1] - resident[0] < 24, resident
