"""The receiver as a pure object: the samples of one burst in, a reconstruction out.

It knows what arrived and nothing else: no function here takes the source clip or what the transport says, and the true
SNR only where a comparison asks for a genie.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from common import header as header_code
from common import layout, schemes, seeds
from common.conventions import DEFAULT_SEED, FRAMES, SIZE
from common.errors import GvscError
from common.header import Header
from common.sections import section
from common.sections.base import Arrived, to_bytes
from receiver import generators, policy
from receiver.generators.base import Conditions, Generator
from receiver.listen import Received, listen

Samples = NDArray[np.complex64]

GREY = 128


@dataclass(frozen=True)
class Reconstruction:
    """What the receiver made of one burst.

    ``video`` is uint8 (F, H, W, 3); where nothing could be generated, the pictures that arrived, or else mid-grey.
    ``sections`` has what arrived of each section, by its name (:class:`common.sections.base.Arrived`). ``failed`` names
    what did not arrive: "samples" (not finite, absurdly large, or too few), "header", or a section; or "generator",
    where none can make such a clip. ``messages`` say why, where there is more to say. ``generator`` is who made the
    video and ``task`` what of; both are None, too, where the scheme sends all frames and nothing is generated.
    """

    video: NDArray[np.uint8]
    header: Header | None
    snr_db: float | None
    sections: Mapping[str, Arrived] = field(default_factory=dict)
    failed: tuple[str, ...] = ()
    generator: str | None = None
    task: str | None = None
    messages: tuple[str, ...] = ()
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def text(self) -> str | None:
        """The text that arrived: None where it was lost or no header was read, "" where none was sent."""
        return Received(self.header, None, self.sections).text

    @cached_property
    def pictures(self) -> dict[str, NDArray[np.uint8]]:
        """The pictures that arrived for a generator, by section: uint8 (H, W, 3) or (H, W)."""
        shown = {}
        for name, arrived in self.sections.items():
            if arrived.value is None or arrived.modality == "video":
                continue
            picture = section(name).picture(arrived.value)
            if picture is not None:
                shown[name] = np.ascontiguousarray(picture, np.uint8)
        return shown


class Receiver:
    """Decodes bursts and generates video from what they held. Holds weights, no state between bursts."""

    def __init__(
        self,
        *,
        seed: int = DEFAULT_SEED,
        generator: Sequence[str] = (),
        steps: int | None = None,
        guidance: float | None = None,
        load: Callable[[str], Generator] = generators.load,
        least_snr_db: Mapping[str, float] | None = None,
    ) -> None:
        """Loads generators. ``generator`` are the words of ``--generator``, ``load`` loads one by its name.

        ``steps`` and ``guidance`` (ω of eq. 2) default to the generator's own; ``least_snr_db`` is the policy's, by
        what a section gives to a generator, and defaults to the sections' own. Raises WeightsError, SettingError.
        """
        self._seed = seed
        self._steps = steps
        self._guidance = guidance
        self._generators = policy.serving((generator,) if isinstance(generator, str) else generator, load)
        self._least_snr_db = least_snr_db
        # Decoders are compiled when they are first used: now, rather than while the first burst waits.
        header_code.decode_word(np.zeros(layout.WORD_SYMBOLS, np.complex64), 1.0, header_code.first_word)

    def prepare(self, scheme: str) -> None:
        """Loads what bursts of ``scheme`` need now, not with the first one. Raises SchemeError, WeightsError."""
        for part in schemes.by_name(scheme).section_objects():
            part.prepare()

    def decode(
        self,
        samples: Samples,
        *,
        steps: int | None = None,
        guidance: float | None = None,
        genie_snr_db: float | None = None,
    ) -> Reconstruction:
        """The reconstruction from the samples of one burst, complex64 (n,) from its first pilot to its last symbol.

        ``steps`` and ``guidance`` override the receiver's own for this burst. ``genie_snr_db`` is the channel's true
        SNR, for comparisons alone: the noise power is then not estimated (the gain still is). No process gives it.
        Never raises for what was received: what is wrong with it, a header included that asks for a clip that the
        generator cannot make, is in ``failed``.
        """
        began = time.perf_counter()
        received = listen(samples, genie_snr_db)
        listened = time.perf_counter()
        made = self.rebuild(received, steps=steps, guidance=guidance)
        return replace(made, seconds={"decode": listened - began, **made.seconds})

    @property
    def serves(self) -> dict[str, str]:
        """The name of the generator of each task that there is one for."""
        return {task: generator.name for task, generator in self._generators.items()}

    def rebuild(self, received: Received, *, steps: int | None = None, guidance: float | None = None) -> Reconstruction:
        """All of :meth:`decode` but the listening: what is made of what arrived, as the policy says."""
        began = time.perf_counter()
        failed = received.lost
        messages = tuple(arrived.message for arrived in received.sections.values() if arrived.message)
        generated = task = None
        try:
            conditions = _conditions(received)
            if conditions is not None:
                task, generated = self._generate(conditions, received, steps, guidance)
        except GvscError as error:
            failed, messages = (*failed, "generator"), (*messages, str(error))
        video = as_arrived(received) if generated is None else to_bytes(generated.transpose(0, 2, 3, 1))
        done = time.perf_counter()
        return Reconstruction(
            video=video,
            header=received.header,
            snr_db=received.estimate.snr_db if received.estimate else None,
            sections=received.sections,
            failed=failed,
            messages=messages,
            generator=None if task is None else self._generators[task].name,
            task=task,
            seconds={"generate": done - began},
        )

    def _generate(
        self, conditions: Conditions, received: Received, steps: int | None, guidance: float | None
    ) -> tuple[str, NDArray[np.float32]]:
        """The task that was done, and what was built."""
        assert received.header is not None
        used = policy.plan(conditions, self._generators, self._least_snr_db)
        if used is None:
            raise policy.unserved(conditions, self._generators)
        clip = self._generators[used.task].generate(
            used,
            seeds.derive(self._seed, received.header.clip, "generate"),
            steps or self._steps,
            self._guidance if guidance is None else guidance,
        )
        return used.task, clip


def _conditions(received: Received) -> Conditions | None:
    """What there is to build from; None where there is nothing, or the scheme sends all frames."""
    header = received.header
    if header is None or not header.scheme.is_generated:
        return None
    if all(arrived.value is None for arrived in received.sections.values()):
        return None
    return Conditions(received.sections, *header.shape)


def as_arrived(received: Received) -> NDArray[np.uint8]:
    """What there is to see of a burst with nothing generated, uint8 (F, H, W, 3): by the first section that can be
    shown, such as a decoded video or a frame, held; or mid-grey."""
    header = received.header
    if header is not None:
        for name, arrived in received.sections.items():
            shown = None if arrived.value is None else section(name).video(arrived.value, header.slot(name))
            if shown is not None:
                return shown
    frames, height, width = header.shape if header else (FRAMES, SIZE, SIZE)
    return np.full((frames, height, width, 3), GREY, dtype=np.uint8)
