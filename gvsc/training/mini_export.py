"""Write a run's moving average as the pipeline: `python -m gvsc.training.mini_export --run runs/mini --out FOLDER`."""

from __future__ import annotations

import json
from pathlib import Path

import click
import torch
from diffusers import FlowMatchEulerDiscreteScheduler
from safetensors.torch import load_file

from gvsc.training.mini import NOISE_SHIFT
from gvsc.training.mini_decoder import load_latent
from receiver.generators.mini.pipeline import MiniPipeline
from receiver.generators.mini.unet import VideoUNet


@click.command()
@click.option("--run", type=click.Path(path_type=Path, exists=True), required=True, help="Folder of the training run.")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder to write the pipeline to.")
def main(run: Path, out: Path) -> None:
    """Export `mini` in half precision."""
    state = json.loads((run / "state.json").read_text())
    tensors = load_file(run / state["file"])
    unet = VideoUNet()
    unet.load_state_dict({k.removeprefix("average."): v for k, v in tensors.items() if k.startswith("average.")})
    scheduler = FlowMatchEulerDiscreteScheduler(shift=NOISE_SHIFT)
    pipeline = MiniPipeline(load_latent(run).to(torch.float16), unet.to(torch.float16), scheduler)
    pipeline.save_pretrained(out)
    for file in out.rglob("*.safetensors"):
        file.chmod(0o644)  # the library writes them for the owner alone
    click.echo(f"step {state['step']}, {state['seconds'] / 60:.0f} minutes of training, written to {out}")


if __name__ == "__main__":
    main()
