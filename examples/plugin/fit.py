"""Fits the section's weights: mean and variance of each DCT coefficient of thumbnails of the sample clips' frames.

python examples/plugin/fit.py
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from gvsc_example.thumbnail import _dct, _shrunk
from safetensors.numpy import save_file

from transmitter.clips import samples

if __name__ == "__main__":
    frames = [frame.transpose(2, 0, 1) / np.float32(255) for clip in samples.read() for frame in clip.video]
    reals = np.stack([_dct(_shrunk(frame)) for frame in frames])
    # a few clips say little about fine detail: no coefficient is taken for less than a hundredth of a grey level
    weights = {"mean": reals.mean(0), "variances": np.maximum(reals.var(0), 1e-4)}
    file = Path(__file__).parent / "gvsc_example" / "thumbnail.safetensors"
    save_file({name: values.astype(np.float32) for name, values in weights.items()}, file)
