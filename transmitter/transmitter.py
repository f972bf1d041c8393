"""The transmitter as a pure object: one clip in, one burst of symbols out."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from common import burst, schemes
from common.burst import Burst
from common.clip import Clip
from common.conventions import check_snr_db
from common.errors import SettingError
from common.header import CLIP_NUMBERS, Header
from common.schemes import ADAPTIVE, ADAPTIVE_LADDER
from common.sections import section
from common.sections.base import Extractor, Options, Slot, encoder_options
from transmitter.extract.base import CAPTIONER, EDGE_EXTRACTOR, EXTRACTORS

DEFAULT_SCHEME: Final = schemes.DEFAULT


@dataclass(frozen=True)
class Encoded:
    """A burst and what went into it: seconds per stage {extract, encode}, and the ``contents`` that were extracted.

    ``contents`` are by section, before coding, such as a first frame (3, H, W) or sketches (S, H, W), float32 in
    [0, 1]. ``fits`` is False where a content is larger than its section: the clip counts as a failure, and what fits is
    sent. ``messages`` are for a person.
    """

    burst: Burst
    contents: Mapping[str, Any] = field(default_factory=dict)
    fits: bool = True
    messages: tuple[str, ...] = ()
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """The text that was sent, "" where none was."""
        texts = [of for name, of in self.contents.items() if section(name).modality == "text"]
        return str(getattr(texts[0], "text", texts[0])) if texts else ""


class Transmitter:
    """Extracts what a scheme sends of a clip and codes it into symbols. Holds weights, no state between clips."""

    def __init__(
        self,
        describe: str | None = None,
        sketch_by: str | None = None,
        extractor_options: Mapping[str, Any] | None = None,
    ) -> None:
        """``describe`` names the captioner, ``sketch_by`` the edge extractor; None: the default of its kind.
        ``extractor_options`` are start options of extractors by name, such as {"pidinet-weights": file}.

        The captioner is loaded now, others where a scheme needs them, or by ``prepare``. Raises SettingError for names
        there are not, WeightsError, PackageError.
        """
        self._extractor_options = dict(extractor_options or {})
        self._chosen: dict[str, str] = {}
        for kind, name in ((CAPTIONER, describe), (EDGE_EXTRACTOR, sketch_by)):
            self._chosen[kind] = EXTRACTORS.check(kind, name or EXTRACTORS.default_of(kind))
        self._extractors: dict[str, Extractor] = {}
        self._extractor(CAPTIONER)

    def prepare(self, scheme: str) -> None:
        """Loads what ``scheme`` needs now, rather than with the first clip that is sent so; of ``adaptive`` what any of
        its schemes needs. Raises SchemeError, WeightsError, PackageError."""
        names = [name for _, name in ADAPTIVE_LADDER] if scheme == ADAPTIVE else [scheme]
        for part in dict.fromkeys(part for name in names for part in schemes.by_name(name).section_objects()):
            part.prepare()
            for name in part.extractors:
                self._extractor(name)

    def encode(
        self, clip: Clip, tx_snr_db: float, scheme: str = DEFAULT_SCHEME, options: Options | None = None
    ) -> Burst:
        """The burst for one clip, for a channel that the transmitter believes to have ``tx_snr_db`` (Es/N0 in dB).

        ``options`` are settings of the sections' encoders by name. Raises SchemeError, SettingError, BurstError,
        PackageError.
        """
        return self.encode_with_details(clip, tx_snr_db, scheme, options).burst

    def encode_with_details(
        self, clip: Clip, tx_snr_db: float, scheme: str = DEFAULT_SCHEME, options: Options | None = None
    ) -> Encoded:
        """As ``encode``, with what was extracted and the time each stage took."""
        tx_snr_db = check_snr_db(tx_snr_db, "tx_snr_db")
        chosen = schemes.by_name(scheme)
        settings = {**check_options(options or {})}
        began = time.perf_counter()
        sources = _Sources(clip, self)
        contents = {name: section(name).extract(sources) for name in chosen.sections}
        extracted = time.perf_counter()
        encoded = {
            part.section: section(part.section).encode(
                contents[part.section], tx_snr_db, Slot(*clip.shape, budget=part.budget), settings
            )
            for part in chosen.parts
        }
        frames, height, width = clip.shape
        header = Header(
            scheme=chosen,
            clip=clip.number % CLIP_NUMBERS,
            frames=frames,
            height=height,
            width=width,
            values={name: made.values for name, made in encoded.items()},
        )
        made = burst.assemble(header, {name: one.symbols for name, one in encoded.items()})
        done = time.perf_counter()
        return Encoded(
            made,
            contents,
            all(one.fits for one in encoded.values()),
            tuple(message for one in encoded.values() for message in one.messages),
            {"extract": extracted - began, "encode": done - extracted},
        )

    def _extractor(self, name: str) -> Extractor:
        """The extractor in use of the kind ``name``, or the registered one of that name, loaded once."""
        if name not in self._extractors:
            kind = name if EXTRACTORS.of_kind(name) else EXTRACTORS.entry(name).traits["kind"]
            chosen = self._chosen.get(name) if kind == name else name
            self._extractors[name] = EXTRACTORS.load(kind, chosen, self._extractor_options)
        return self._extractors[name]


def check_options(options: Options) -> dict[str, Any]:
    """The settings of encoders as their parameters hold them. Raises SettingError for a name or value there is not."""
    known = encoder_options()
    for name in options:
        if name not in known:
            raise SettingError(f"no encoder has the setting {name!r}: there are {', '.join(known)}")
    return {name: known[name].parameter.check(value) for name, value in options.items()}


@dataclass(frozen=True)
class _Sources:
    """:class:`common.sections.base.Sources` of one clip."""

    clip: Clip
    transmitter: Transmitter

    def extractor(self, name: str) -> Extractor:
        return self.transmitter._extractor(name)
