"""`mini` on a tiny instance with random weights made here: plumbing, not looks."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer, normalizers, pre_tokenizers, processors
from tokenizers.models import WordPiece
from torch import Tensor
from torch.nn import functional

from common import bfloat16
from common.errors import SettingError, WeightsError
from common.sections.base import Arrived
from receiver.generators.base import Conditions
from receiver.generators.mini import flow, pipeline
from receiver.generators.mini.bert import Bert, BertSizes
from receiver.generators.mini.drawn import drawn
from receiver.generators.mini.generator import Mini
from receiver.generators.mini.latent import PatchLatent, fit_basis
from receiver.generators.mini.layout import Layout, Slots
from receiver.generators.mini.mover import Mover
from receiver.generators.mini.painter import Painter, trust_of
from receiver.generators.mini.pipeline import MiniPipeline
from receiver.generators.mini.text import TextEncoder
from receiver.generators.mini.things import Things

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "red", "blue", "star", "moves", "left", "right"]
PICTURES = ("frame-text", "sketch-text", "sketches-text")


@pytest.fixture(scope="module")
def text_encoder() -> TextEncoder:
    torch.manual_seed(1)
    tokenizer = Tokenizer(WordPiece({word: number for number, word in enumerate(WORDS)}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", WORDS.index("[CLS]")), ("[SEP]", WORDS.index("[SEP]"))]
    )
    network = Bert(BertSizes(len(WORDS), 16, 1, 2, 16)).eval()
    for name, parameter in network.named_parameters():
        if "LayerNorm" not in name:
            torch.nn.init.normal_(parameter, 0, 0.02 if name.endswith("weight") else 0)
    return TextEncoder(tokenizer, network)


def natural(count: int) -> Tensor:
    """Patches (count, 768) that are smooth, as those of pictures are."""
    return functional.interpolate(torch.rand(count, 3, 4, 4), size=(16, 16), mode="bilinear").flatten(1)


def fitted(latent: PatchLatent, patches: Tensor) -> PatchLatent:
    for buffer, value in zip(
        (latent.mean, latent.basis, latent.scale), fit_basis(patches, latent.channels, latent.patch), strict=True
    ):
        buffer.copy_(value)
    return latent


@pytest.fixture(scope="module")
def mini(text_encoder) -> Mini:
    """A tiny instance whose every weight is random, those that start at zero too."""
    torch.manual_seed(2)
    latent = fitted(PatchLatent(channels=12, widths=(8, 8, 8)), natural(400))
    painter = Painter(
        channels=12, widths=(16, 16, 32), blocks=(1, 1, 1), sketch_width=8, heads=2, text_width=16, topics=8
    )
    mover = Mover(widths=(16, 16, 32), coarse_blocks=1, heads=2, text_width=16, topics=8)
    with torch.no_grad():
        for parameter in [p for part in (latent, painter, mover) for p in part.parameters()]:
            parameter.normal_(0, 0.15)
    layout = Layout(width=16, layers=1, heads=2, shape_width=8, text_width=16, topics=8)
    return Mini(MiniPipeline(latent, painter, mover, layout, text_encoder))


def conditions(
    role: str = "text",
    description: str | None = "a red star moves left",
    snr_db: float | None = 10.0,
    size: tuple[int, int] = (64, 96),
    shade: float = 0.0,
) -> Conditions:
    rng = np.random.default_rng(3)
    frame = np.clip(rng.random((3, *size)).astype(np.float32) + np.float32(shade), 0, 1)
    sketches = np.clip((rng.random((8, *size)) > 0.9).astype(np.float32) + np.float32(shade), 0, 1)
    made = Conditions.of(
        description,
        frame if role.startswith("frame") else None,
        snr_db=snr_db,
        height=size[0],
        width=size[1],
        sketches={"sketch-text": sketches[:1], "sketches-text": sketches}.get(role),
    )
    if role != "frame-motion-text":
        return made
    fields = rng.normal(0, 3, (7, 2, *size)).astype(np.float32)
    return replace(made, sections={**made.sections, "motion": Arrived("motion", "motion", "motion", fields, snr_db)})


@pytest.mark.parametrize("role", sorted(Mini.tasks))
@pytest.mark.parametrize("size", [(64, 96), (32, 128)])
def test_clip_has_the_shape_asked_for_and_lies_in_zero_to_one(mini, role, size):
    assert conditions(role).task == role
    clip = mini.generate(conditions(role, size=size), seed=1, steps=2)
    assert clip.shape == (8, 3, *size)
    assert clip.dtype == np.float32
    assert 0.0 <= clip.min() < clip.max() <= 1.0


# what is warped by received motion is drawn from no seed
@pytest.mark.parametrize("role", sorted(Mini.tasks - {"frame-motion-text"}))
def test_same_seed_gives_the_same_bytes_and_another_does_not(mini, role):
    first = mini.generate(conditions(role), seed=5, steps=2)
    again = mini.generate(conditions(role), seed=5, steps=2)
    other = mini.generate(conditions(role), seed=6, steps=2)
    assert first.tobytes() == again.tobytes()
    assert not np.allclose(first, other, atol=1e-3)


def test_the_global_random_state_is_neither_used_nor_touched(mini):
    torch.manual_seed(11)
    state = torch.get_rng_state()
    first = mini.generate(conditions(), seed=5, steps=1)
    assert torch.equal(state, torch.get_rng_state())
    torch.manual_seed(12)
    assert first.tobytes() == mini.generate(conditions(), seed=5, steps=1).tobytes()


@pytest.mark.parametrize("role", PICTURES)
def test_description_and_picture_each_change_the_clip(mini, role):
    clip = mini.generate(conditions(role), seed=1, steps=2)
    told = mini.generate(conditions(role, "a blue star moves right"), seed=1, steps=2)
    seen = mini.generate(conditions(role, shade=0.3), seed=1, steps=2)
    for other in (told, seen):
        assert not np.allclose(clip, other, atol=1e-3)


@pytest.mark.parametrize("role", ["sketch-text", "sketches-text"])
def test_a_sketch_counts_as_far_as_its_snr_lets_it_be_trusted(mini, role):
    clip = mini.generate(conditions(role), seed=1, steps=2)
    assert not np.allclose(clip, mini.generate(conditions(role, snr_db=-2.0), seed=1, steps=2), atol=1e-3)
    worthless = mini.generate(conditions(role, snr_db=-6.0), seed=1, steps=2)
    assert worthless.tobytes() == mini.generate(conditions(role, snr_db=-6.0, shade=0.3), seed=1, steps=2).tobytes()


def test_pictures_without_an_snr_are_taken_as_clean(mini):
    unknown = mini.generate(conditions("sketches-text", snr_db=None), seed=1, steps=2)
    assert unknown.tobytes() == mini.generate(conditions("sketches-text", snr_db=40.0), seed=1, steps=2).tobytes()


def test_trust_rises_with_the_snr_from_nothing_to_one():
    assert [trust_of(snr_db) for snr_db in (-30.0, -6.0, 7.0, 20.0, 90.0, None)] == [0.0, 0.0, 0.5, 1.0, 1.0, 1.0]


def test_without_pictures_the_snr_means_nothing(mini):
    low = mini.generate(conditions(snr_db=-2.0), seed=1, steps=2)
    assert low.tobytes() == mini.generate(conditions(snr_db=15.0), seed=1, steps=2).tobytes()


def says(monkeypatch: pytest.MonkeyPatch, layout: Layout, slots: Slots) -> None:
    """The layout says the same of everything that it is asked about."""
    monkeypatch.setattr(
        layout, "forward", lambda noisy, *_: Slots(*(part.expand(len(noisy), *part.shape[1:]) for part in slots))
    )


def laid_out(monkeypatch: pytest.MonkeyPatch, layout: Layout, x: float, covered: float) -> Tensor:
    """The layout says: two squares, ``covered`` of their radii wide, at ``x``. Returns their tones' colours."""
    numbers = torch.tensor([[[-1.0] * 6, *[[1.0, x, 0.0, 0.0, 0.0, 1.0]] * 2]])
    colours = torch.rand(1, 3, 17, 3, generator=torch.Generator().manual_seed(0))
    moves = torch.zeros(1, 3, 8, 4)
    moves[:, 1:, :, 0] = torch.linspace(0.0, 64.0, 8)  # a quarter of the picture to the right
    says(monkeypatch, layout, Slots(numbers, torch.zeros(1, 3, 48), colours, moves))
    inside, outside = torch.tensor([-20.0, 20.0, *[-20.0] * 16]), torch.tensor([20.0, *[-20.0] * 17])

    def tones(code: Tensor, places: Tensor) -> Tensor:
        return torch.where((places.abs().amax(-1) < covered)[..., None], inside, outside)

    monkeypatch.setattr(layout, "tones", tones)
    return colours[0]


def test_from_text_alone_objects_are_where_the_layout_puts_them(mini, monkeypatch):
    """At the left, and at the right: the clips differ; with a sketch the layout is not asked."""
    made = {}
    for role in ("text", "sketch-text"):
        for side in (-0.5, 0.5):
            laid_out(monkeypatch, mini.pipeline.layout, side, 0.3)
            made[role, side] = mini.generate(conditions(role), seed=1, steps=2)
    assert not np.allclose(made["text", -0.5], made["text", 0.5], atol=1e-3)
    assert made["sketch-text", -0.5].tobytes() == made["sketch-text", 0.5].tobytes()


@pytest.mark.parametrize("camera", ["still", "pans"])
def test_a_pattern_is_drawn_to_the_pixel_and_goes_on_where_the_camera_goes(mini, monkeypatch, camera):
    """Black and white stripes of 16 pixels, a pan by 40 to the left: no pixel of any frame is painted."""
    layout = mini.pipeline.layout
    numbers = torch.full((1, 3, 6), -1.0)
    # a cell of 32 pixels in a picture of 128: half a side is 16/64 of the half picture
    numbers[0, 0] = torch.tensor([1.0, 0.0, 0.0, 2 * np.log(0.25 * 128 / 40), 0.0, 0.0])
    moves = torch.zeros(1, 3, 8, 4)
    if camera == "pans":
        moves[:, 0, :, 0] = torch.linspace(0, 80, 8)  # of 256
    colours = torch.tensor([0.0, 1.0]).view(1, 1, 2, 1).repeat(1, 3, 1, 3)
    colours = torch.cat([colours, torch.zeros(1, 3, layout.tone_count - 2, 3)], 2)
    says(monkeypatch, layout, Slots(numbers, torch.zeros(1, 3, 48), colours, moves))

    def tones(code: Tensor, places: Tensor) -> Tensor:
        logits = torch.full((*places.shape[:3], 1 + layout.tone_count), -30.0)
        logits[..., 1] = torch.where(places[..., 0] < 0, 30.0, -30.0)
        logits[..., 2] = -logits[..., 1]
        return logits

    # what is painted has these two colours
    monkeypatch.setattr("receiver.generators.mini.things.two_colours", lambda _: torch.tensor([[1.0] * 3, [0.0] * 3]))
    monkeypatch.setattr(layout, "tones", tones)
    clip = mini.generate(conditions("text", size=(128, 128)), seed=1, steps=2)
    shifts = np.linspace(0, 40, 8) if camera == "pans" else np.zeros(8)
    for frame, shift in zip(clip, shifts, strict=True):
        expected = ((np.arange(128) + 0.5 - 64 - shift) % 32 < 16).astype(np.float32)
        off = np.abs(frame - expected).mean((0, 1))
        # between pixels edges are soft; where a pan begins, the border's colour goes on
        assert (off > 0.3).sum() <= (12 if camera == "pans" else 0), shift


def test_objects_are_drawn_in_their_colours_before_the_background():
    places = torch.arange(128) - 63.5
    cover = (places.square() + places[:, None].square() < 40**2).float()
    tones = torch.stack([0.25 * cover * (places < 0), cover * (places >= 0)])[None]
    colours = torch.tensor([[[0.9, 0.2, 0.4], [0.2, 0.3, 0.9]]])
    background = torch.rand(1, 3, 128, 128)
    made = drawn(background, tones, colours)[0]
    assert torch.equal(made[:, cover == 0], background[0][:, cover == 0])
    assert torch.allclose(made[:, 64, 100], colours[0, 1])
    assert torch.allclose(made[:, 64, 30], 0.75 * background[0, :, 64, 30] + 0.25 * colours[0, 0])


def test_what_is_in_front_hides_what_is_behind(mini, monkeypatch):
    """Two things in the same place: of each pixel no more than all is covered, by the later one."""
    paint = pipeline._Paint(mini.pipeline, "a star", 1, 1.0, "joint", torch.Generator().manual_seed(0), 64, 64)
    laid_out(monkeypatch, mini.pipeline.layout, 0.0, 1.0)
    things = Things(mini.pipeline.layout, paint.text, paint.mask, paint.frame)
    numbers = things.sampled(1, 1, None)[0]
    tones = things.tones(numbers, things.look(numbers))
    assert tones[1, 0].sum() > 100
    assert tones[0].sum() < 1e-3
    assert float(tones.sum((0, 1)).max()) < 1 + 1e-5


def test_things_move_as_the_layout_says(mini, monkeypatch):
    """Both squares go a quarter of the picture to the right, sharp, and leave the background that is around them."""
    colours = laid_out(monkeypatch, mini.pipeline.layout, -0.3, 0.9)
    clip = mini.generate(conditions("text", size=(128, 128)), seed=1, steps=2)
    assert mini.pipeline.mover.frames == len(clip) == 8
    square = colours[2, 0].numpy()[:, None, None]
    inside = np.abs(clip - square).max(1) < 0.01
    middles = [np.nonzero(frame)[1].mean() for frame in inside]
    assert all(frame.sum() > 500 for frame in inside)
    assert middles[-1] - middles[0] == pytest.approx(32, abs=2)
    assert (inside[0][:, :90] != inside[-1][:, 32:122]).mean() < 0.01


def squares(centres: np.ndarray, side: int = 128, half: int = 18) -> np.ndarray:
    """Sketches (F, side, side) of a square around ``centres`` (F,), across."""
    made = np.zeros((len(centres), side, side), np.float32)
    for lines, x in zip(made, np.rint(centres).astype(int), strict=True):
        rows = slice(side // 2 - half, side // 2 + half)
        lines[rows, x - half : x + half] = 1.0
        lines[side // 2 - half + 1 : side // 2 + half - 1, x - half + 1 : x + half - 1] = 0.0
    return made


@pytest.mark.parametrize("count", [1, 8])
def test_what_a_text_names_is_where_sketches_show_it(mini, monkeypatch, count):
    """A square, that the layout would have had elsewhere: in one sketch, and in all, wherever it goes."""
    colours = laid_out(monkeypatch, mini.pipeline.layout, -0.5, 0.9)
    centres = np.linspace(80, 52, 8)[:count]
    told = Conditions.of("a red star", frames=8, height=128, width=128, sketches=squares(centres), snr_db=10.0)
    clip = mini.generate(told, seed=1, steps=2)[:count]
    inside = [np.abs(clip - colours[slot, 0].numpy()[:, None, None]).max(1) < 0.02 for slot in (1, 2)]
    drawn = inside[0] | inside[1]  # two that are alike: either may be the one that is found
    middles = np.array([np.nonzero(frame)[1].mean() + 0.5 for frame in drawn])
    assert np.abs(middles - np.rint(centres)).max() < 2.5
    assert mini.generate(told, seed=1, steps=2)[:count].tobytes() == clip.tobytes()


def test_a_sketch_that_shows_nothing_of_the_text_is_painted_alone(mini, monkeypatch):
    laid_out(monkeypatch, mini.pipeline.layout, 0.0, 0.3)
    noise = np.random.default_rng(0).random((1, 64, 96), np.float32)
    given = Conditions.of("a red star", frames=8, height=64, width=96, sketches=noise, snr_db=10.0)
    with_layout = mini.generate(given, seed=1, steps=2)
    monkeypatch.setattr(pipeline._Paint, "shown", lambda *_: None)
    torch.testing.assert_close(with_layout, mini.generate(given, seed=1, steps=2))


@pytest.mark.parametrize("size", [(96, 160), (224, 96)])
def test_what_a_text_names_is_in_the_middle_of_any_size(mini, monkeypatch, size):
    """At first: sides that the painter does not know it paints larger, and cuts."""
    colours = laid_out(monkeypatch, mini.pipeline.layout, 0.0, 0.9)
    first = mini.generate(conditions("text", size=size), seed=1, steps=2)[0]
    rows, columns = np.nonzero(np.abs(first - colours[2, 0].numpy()[:, None, None]).max(0) < 0.002)
    # a square, of 2·0.9 radii of 40/128 of half the shorter side
    assert np.ptp(rows) == np.ptp(columns) == pytest.approx(0.9 * 40 / 128 * min(size), abs=2)
    assert (rows.mean() + 0.5, columns.mean() + 0.5) == pytest.approx((size[0] / 2, size[1] / 2), abs=0.6)


def test_the_first_frame_is_kept(mini):
    given = conditions("frame-text")
    assert mini.generate(given, seed=1, steps=2)[0].tobytes() == given.first_frame.tobytes()


def test_a_lost_description_is_an_empty_one(mini):
    lost = mini.generate(conditions("frame-text", None), seed=1, steps=2)
    assert lost.tobytes() == mini.generate(conditions("frame-text", "  "), seed=1, steps=2, guidance=7.0).tobytes()


def _velocities(monkeypatch: pytest.MonkeyPatch, mini: Mini, prompt: str, scale: float, **options: Any) -> Tensor:
    """The first step's velocity, read from what the Euler step is given."""
    caught: list[Tensor] = []
    euler = flow.euler

    def catch(latents: Tensor, velocity: Tensor, *rest: Tensor) -> Tensor:
        caught.append(velocity.clone())
        return euler(latents, velocity, *rest)

    sketch = torch.from_numpy(conditions("sketch-text").sketches)
    with monkeypatch.context() as patched:
        patched.setattr(flow, "euler", catch)
        mini.pipeline(
            prompt, None, sketch if options.pop("drawn", True) else None, 10.0, 64, 96, num_inference_steps=1,
            guidance_scale=scale, generator=torch.Generator().manual_seed(1), **options,
        )  # fmt: skip
    return caught[0]


def test_guidance_is_equation_two_in_both_its_readings(mini, monkeypatch):
    monkeypatch.setattr(bfloat16, "is_fast", lambda: False)  # to see more than rounding
    monkeypatch.setattr(pipeline, "encode", lambda _: None)  # no outline, which only text alone has
    monkeypatch.setattr(pipeline._Paint, "shown", lambda *_: None)  # nothing drawn, which takes lines off the sketch
    prompt = "a red star moves left"
    seen, both = _velocities(monkeypatch, mini, "", 1.0), _velocities(monkeypatch, mini, prompt, 1.0)
    told = _velocities(monkeypatch, mini, prompt, 1.0, drawn=False)
    assert not torch.allclose(seen, both, atol=1e-2)
    assert not torch.allclose(told, both, atol=1e-2)
    assert torch.allclose(_velocities(monkeypatch, mini, prompt, 3.5), seen + 3.5 * (both - seen), atol=1e-3)
    assert torch.allclose(_velocities(monkeypatch, mini, prompt, 1.0, guidance_form="literal"), told, atol=1e-3)
    literal = _velocities(monkeypatch, mini, prompt, 3.5, guidance_form="literal")
    assert torch.allclose(literal, seen + 3.5 * (told - seen), atol=1e-3)


def test_saved_pipeline_gives_the_same_bytes_and_holds_no_text_encoder(mini, text_encoder, tmp_path):
    mini.pipeline.save(tmp_path)
    files = {str(f.relative_to(tmp_path)) for f in tmp_path.rglob("*") if f.is_file()}
    assert not any("text_encoder" in f or "tokenizer" in f or f.endswith((".bin", ".pt")) for f in files)
    again = MiniPipeline.load(tmp_path, text_encoder)
    assert mini.pipeline.text_encoder is text_encoder
    for role in ("text", "frame-text", "sketches-text"):
        before = mini.generate(conditions(role), seed=9, steps=2)
        assert before.tobytes() == Mini(again).generate(conditions(role), seed=9, steps=2).tobytes()


@pytest.mark.parametrize(("change", "message"), [("lost", "lack leave.bias"), ("more", "have an unknown extra")])
def test_weights_that_are_not_complete_are_refused(mini, tmp_path, change, message):
    mini.pipeline.save(tmp_path)
    file = tmp_path / "painter" / "diffusion_pytorch_model.safetensors"
    tensors = load_file(file)
    if change == "lost":
        del tensors["leave.bias"]
    else:
        tensors["extra"] = torch.zeros(1)
    save_file(tensors, file)
    with pytest.raises(WeightsError, match=message):
        MiniPipeline.load(tmp_path)


def test_a_folder_without_a_pipeline_is_refused(tmp_path):
    with pytest.raises(WeightsError, match="no pipeline in"):
        MiniPipeline.load(tmp_path / "none")


def test_a_prompt_without_a_text_encoder_is_refused(mini):
    parts = mini.pipeline
    bare = MiniPipeline(parts.vae, parts.painter, parts.mover, parts.layout)
    with pytest.raises(WeightsError, match="text encoder"):
        bare("a red star", height=64, width=64, num_inference_steps=1)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (Conditions.of("a star", frames=16), "8 frames, not 16"),
        (conditions(size=(64, 80)), "multiples of 32"),
        (Conditions.of("a star", height=0, width=64), "multiples of 32"),
        (conditions(description=None), "nothing to build from"),
        (conditions(description=" "), "nothing to build from"),
    ],
)
def test_what_does_not_fit_is_refused(mini, wrong, message):
    with pytest.raises(SettingError, match=message):
        mini.generate(wrong, seed=1, steps=1)


@pytest.mark.parametrize(
    "wrong",
    [
        {"first_frame": np.zeros((3, 64, 96), np.float32)},
        {"sketches": np.zeros((1, 64, 96), np.float32)},
        {"sketches": np.zeros((3, 96, 96), np.float32)},
    ],
)
def test_conditions_of_another_size_are_refused(wrong):
    with pytest.raises(SettingError, match="wanted"):
        Conditions.of("a star", height=96, width=96, **wrong)


def test_untrained_networks_keep_the_first_frame_in_every_frame():
    """Where nothing was learned yet, nothing moves, nothing is uncovered and nothing is painted."""
    torch.manual_seed(4)
    latent = fitted(PatchLatent(channels=12, widths=(8, 8, 8)), natural(400))
    parts = Painter(channels=12), Mover(), Layout()
    pipeline = MiniPipeline(latent, *parts)
    frame = functional.interpolate(torch.rand(1, 3, 8, 8), size=(64, 64), mode="bilinear")[0]
    clip = pipeline(image=frame, height=64, width=64, num_inference_steps=1)
    assert torch.allclose(clip, frame.expand(8, -1, -1, -1), atol=0.08)


def test_linear_code_reproduces_what_lies_in_its_span():
    torch.manual_seed(5)
    latent = fitted(PatchLatent(channels=768, widths=(8, 8, 8)), torch.rand(3000, 768))
    frames = torch.rand(2, 3, 64, 32)
    latents = latent.encode(frames)
    assert latents.shape == (2, 768, 4, 2)
    assert torch.allclose(latent.synthesise(latents), frames, atol=1e-4)


def test_a_mirrored_picture_has_mirrored_latents_but_for_signs():
    torch.manual_seed(6)
    latent = fitted(PatchLatent(channels=12, widths=(8, 8, 8)), natural(4000))
    frames = functional.interpolate(torch.rand(3, 3, 16, 16), size=(64, 64), mode="bilinear")
    there, back = latent.encode(frames), latent.encode(frames.flip(3)).flip(3)
    sign = (there * back).sum((0, 2, 3)).sign().view(1, -1, 1, 1)
    assert torch.allclose(there, sign * back, atol=1e-3)
