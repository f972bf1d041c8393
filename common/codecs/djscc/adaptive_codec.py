"""One picture to an exact number of symbols and back, with trained weights.

How it works: :mod:`common.codecs.djscc.adaptive`.

A section holds, in this order (:mod:`common.codecs.djscc.side_code`, :mod:`common.codecs.djscc.side_bits`):

| symbols | hold |
|---|---|
| 80 | header: mode and length of the first part |
| as the header says | first part: fields, classes, multiples of the coarsest coefficients; better protected |
| as the first part says | second part: all other multiples |
| the rest | analogue values, spread over all symbols of this part by a unitary DFT |

All that the receiver needs is in there: how the symbols were shared out, the common scale, the SNR that the transmitter
believes in. It knows beforehand the number of symbols, the sides of the picture, and what it measured of the noise.

If the second part is lost, the picture is made of the coarsest coefficients and the analogue values; if the first one
is, it is grey.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final, Self

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from common import weights
from common.codecs.djscc import allocation, levels, side_bits, side_code
from common.codecs.djscc.adaptive import AdaptiveModel, Layout, coarse_places, estimated, gains, model_like
from common.codecs.djscc.allocation import STEPS, Powers, Rates
from common.codecs.djscc.block_classes import ACTIVITIES, GROUPS
from common.codecs.djscc.limits import blocks
from common.codecs.djscc.side_bits import Fields, Reader, Writer
from common.codecs.lapped import BLOCK
from common.conventions import check_snr_db
from common.errors import BurstError, ClipError, SettingError, WeightsError
from common.weights.tensors import read as read_tensors

Complex = NDArray[np.complex64]

LEAST_REALS: Final = 64
"""Analogue values that a section has at least."""

_LENGTH_BITS: Final = 7
"""Of the header, for the first part's length; the other five are its mode."""

_PATTERN: Final = 0.02
"""Amplitude of a known pattern beneath the analogue values: a flat picture has something to send, too."""


@dataclass(frozen=True)
class Ledger:
    """Where the symbols of a section went."""

    header: int
    first: int
    second: int
    analogue: int

    @property
    def side(self) -> float:
        """The share of header and bits."""
        coded = self.header + self.first + self.second
        return coded / (coded + self.analogue)


@dataclass(frozen=True)
class DecodedFrame:
    """``picture`` float32 (3, H, W) in [0, 1]; which parts arrived; the SNR that the transmitter believed in, in dB,
    None where the first part is lost."""

    picture: NDArray[np.float32]
    first: bool
    second: bool
    tx_snr_db: float | None


@dataclass(frozen=True)
class _Bits:
    """Both parts as bits, filled up to whole units; without the fields, which come last."""

    first: NDArray[np.uint8]
    second: NDArray[np.uint8]


class AdaptiveCodec:
    """A picture to symbols and back. Deterministic; holds no state between pictures. A subclass has a ``name``."""

    name: ClassVar[str]

    margins_db: tuple[float, float] = side_code.MARGINS_DB
    """How far below the transmitter's SNR each part can still be decoded, roughly. Only the transmitter uses it."""

    def __init__(self, model: AdaptiveModel) -> None:
        """``model`` must have trained weights: ``load`` and ``from_tensors`` see to it."""
        self._model = model.eval()

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, Tensor]) -> Self:
        """From a state dict of ``AdaptiveModel``. Raises WeightsError unless every tensor is there and fits."""
        try:
            model = model_like(tensors)
        except (KeyError, RuntimeError) as error:
            reason = str(error).splitlines()[-1].strip()
            raise WeightsError(
                f"these are not weights of {cls.name} of this version ({reason}); reinstall gvsc"
            ) from error
        return cls(model)

    @classmethod
    def load(cls, path: Path | None = None) -> Self:
        """From a safetensors file; by default the committed weights, verified. Raises WeightsError."""
        file = weights.path(cls.name) if path is None else path
        return cls.from_tensors(read_tensors(file))

    # transmitter

    def encode(self, frame: ArrayLike, tx_snr_db: float, symbol_count: int, *, linear: bool = False) -> Complex:
        """Returns the section of a frame: complex64 (symbol_count,), mean |z|² = 1.

        Args:
            frame: [3, H, W] float, RGB in [0, 1]; sides are multiples of 32 up to 2048.
            tx_snr_db: Es/N0 per complex symbol that the transmitter assumes, in dB. The section carries it in steps of
                0.5 dB within −10 … 53.5 dB.
            symbol_count: complex symbols of the section, exactly.
            linear: bypasses the network; a baseline. The receiver then does the same.

        Raises:
            ClipError: another shape, other sides, or values outside [0, 1].
            SettingError: an SNR that is no number, or too few symbols for the picture.
        """
        return self.encode_with_details(frame, tx_snr_db, symbol_count, linear=linear)[0]

    def encode_with_details(
        self, frame: ArrayLike, tx_snr_db: float, symbol_count: int, *, linear: bool = False
    ) -> tuple[Complex, Ledger]:
        """As :meth:`encode`, and where the symbols went."""
        snr_index = side_bits.snr_index(check_snr_db(tx_snr_db, "tx_snr_db"))
        told_db = side_bits.LEAST_SNR_DB + side_bits.SNR_STEP_DB * snr_index
        pixels = _checked(frame)
        rows, columns = pixels.shape[1] // BLOCK, pixels.shape[2] // BLOCK
        modes = side_code.choose_both(told_db, self.margins_db, rows * columns, symbol_count)
        first, second = (side_code.MODES[mode] for mode in modes)
        rates = Rates(*(torch.tensor([mode.symbols_per_bit], dtype=torch.float64) for mode in (first, second)))
        noise = torch.tensor([0.5 * 10.0 ** (-0.1 * told_db)], dtype=torch.float64)
        room = symbol_count - side_code.HEADER_SYMBOLS
        with torch.inference_mode():
            pictures = torch.from_numpy(pixels[None]).contiguous(memory_format=torch.channels_last)
            snr, density = torch.tensor([told_db]), torch.tensor([symbol_count / pixels.size])
            coefficients = self._model.analyse(pictures if linear else self._model.changed(pictures, snr, density))
            plan = self._model.plan(coefficients, torch.tensor([room]), noise, rates, float(side_bits.FIELD_BITS + 40))
            group, squares, step = plan.group[0], plan.squares[0][None], int(plan.layout.step)
            while True:
                layout = self._model.layout(squares, group, torch.tensor([step]), rows, columns)
                multiples = self._model.rounded(coefficients, layout)
                bits = self._coded(squares, multiples, layout)
                ledger = Ledger(
                    side_code.HEADER_SYMBOLS,
                    side_code.symbol_count(bits.first.size + side_bits.FIELD_BITS, first),
                    side_code.symbol_count(bits.second.size, second),
                    0,
                )
                analogue = symbol_count - ledger.header - ledger.first - ledger.second
                units = self._units(bits, rows * columns)
                if 2 * analogue >= LEAST_REALS and units is not None:
                    break
                # a wider step, then one class for all
                if step == STEPS[-1]:
                    if group == GROUPS[-1]:
                        raise SettingError(f"{symbol_count} symbols are too few for a frame of {pixels.shape[1:]}")
                    group = GROUPS[-1]
                    squares = self._model.classes.classify(self._model.classes.costs(coefficients), group)
                else:
                    step = STEPS[STEPS.index(step) + 1]
            reals = 2 * analogue
            found = allocation.powers(allocation.counted(layout.residual), torch.tensor([reals]), noise)
            gain = gains(layout, found)
            unit = levels.variance(layout.step).sqrt().float()[:, None]
            left = coefficients.flatten(1) - torch.where(layout.quantised, multiples * unit, 0.0)
            values = (gain * left)[allocation.sent(layout.residual, found)].double().numpy()
        values = _padded(values, reals) + _PATTERN * _signs(reals)
        spread = np.fft.fft(values[:analogue] + 1j * values[analogue:], norm="ortho")
        scale_now = np.sqrt(analogue / np.sum(np.abs(spread) ** 2))
        fields = Fields(
            modes[1], units[1], STEPS.index(step), GROUPS.index(group), snr_index, side_bits.scale_index(scale_now)
        )
        header = side_code.encode_header(modes[0] << _LENGTH_BITS | units[0])
        coded = np.concatenate(
            [
                header,
                side_code.encode(np.concatenate([fields.bits(), bits.first]), first),
                side_code.encode(bits.second, second),
            ]
        )
        # QAM of 16 and 64 points has power 1 on average only: the analogue part makes up for it
        energy = symbol_count - float(np.sum(np.abs(coded.astype(np.complex128)) ** 2))
        spread *= np.sqrt(max(energy, 1e-3) / np.sum(np.abs(spread) ** 2))
        symbols = np.concatenate([coded, spread]).astype(np.complex64)
        return symbols, Ledger(ledger.header, ledger.first, ledger.second, analogue)

    def _coded(self, squares: Tensor, multiples: Tensor, layout: Layout) -> _Bits:
        """Both parts, the first without its fields."""
        classes = self._model.classes
        contexts = classes.contexts(squares)[0].numpy()
        frequencies = classes.frequencies.numpy()
        tables, plain, coarse = self._multiple_models(layout)
        whole = multiples[layout.quantised].numpy().astype(np.int64)
        count = layout.classes.shape[1] * layout.classes.shape[2]
        unit = side_bits.unit_bits(count)

        def write(which: NDArray[np.bool_], with_classes: bool) -> NDArray[np.uint8]:
            writer = Writer()
            if with_classes:
                side_bits.write_classes(writer, squares[0].numpy(), contexts, frequencies)
            side_bits.write_multiples(writer, whole[which], tables[which], plain[which], self._tables())
            if not with_classes and not which.any():
                return np.zeros(0, np.uint8)

            def same(bits: NDArray[np.uint8]) -> bool:
                reader = Reader(bits)
                try:
                    if with_classes:
                        again = self._read_classes(reader, *squares.shape[1:])
                        if not np.array_equal(again, squares[0].numpy()):
                            return False
                    read = side_bits.read_multiples(reader, tables[which], plain[which], self._tables())
                    return np.array_equal(read, whole[which])
                except (AssertionError, ValueError, BurstError):
                    return False

            bits = side_bits.shortest(writer.bits(), same)
            taken = bits.size + (side_bits.FIELD_BITS if with_classes else 0)
            return np.pad(bits, (0, -taken % unit))

        return _Bits(write(coarse, True), write(~coarse, False))

    @staticmethod
    def _units(bits: _Bits, count: int) -> tuple[int, int] | None:
        """The lengths of both parts as they are told, None where they are too long."""
        unit = side_bits.unit_bits(count)
        first, second = (bits.first.size + side_bits.FIELD_BITS) // unit, bits.second.size // unit
        return (first, second) if first < 1 << _LENGTH_BITS and second < side_bits.MOST_UNITS else None

    # receiver

    def decode(
        self,
        symbols: ArrayLike,
        snr_db: float,
        height: int,
        width: int,
        *,
        noise_variance: ArrayLike | None = None,
        linear: bool = False,
    ) -> NDArray[np.float32]:
        """Returns the frame of a received section: float32 (3, height, width) in [0, 1].

        Args:
            symbols: [symbol_count] complex, equalised to gain 1.
            snr_db: Es/N0 per complex symbol as the receiver estimates it, in dB.
            height: of the frame, a multiple of 32.
            width: of the frame, a multiple of 32.
            noise_variance: E|n|² of the complex noise, a number or [symbol_count]; replaces ``snr_db`` where given. An
                infinite one marks an erased symbol.
            linear: bypasses the network, as in ``encode``.

        Raises:
            BurstError: symbols that are not finite, or no more than the header has; a negative noise variance.
            ClipError: sides that are no multiples of 32 up to 2048.
            SettingError: an SNR that is no number.
        """
        return self.decode_with_details(
            symbols, snr_db, height, width, noise_variance=noise_variance, linear=linear
        ).picture

    def decode_with_details(
        self,
        symbols: ArrayLike,
        snr_db: float,
        height: int,
        width: int,
        *,
        noise_variance: ArrayLike | None = None,
        linear: bool = False,
    ) -> DecodedFrame:
        """As :meth:`decode`, and which parts arrived."""
        noise_of_estimate = 10.0 ** (-0.1 * check_snr_db(snr_db))
        blocks(height, width, "frame")
        rows, columns = height // BLOCK, width // BLOCK
        received = np.asarray(symbols, dtype=np.complex128)
        if received.ndim != 1 or received.size <= side_code.HEADER_SYMBOLS:
            raise BurstError(f"a frame has more than {side_code.HEADER_SYMBOLS} symbols, not {received.shape}")
        if not np.isfinite(received).all():
            raise BurstError("the symbols of a frame must be finite numbers")
        given = noise_of_estimate if noise_variance is None else np.asarray(noise_variance, dtype=np.float64)
        noise = np.broadcast_to(given, received.shape)
        if not bool((noise >= 0.0).all()):
            raise BurstError("a noise variance must be a number and not negative")
        nothing = np.full((3, height, width), float(self._model.mean), np.float32)
        start = side_code.HEADER_SYMBOLS
        header = side_code.decode_header(received[:start], noise[:start])
        unit = side_bits.unit_bits(rows * columns)
        if header >> _LENGTH_BITS >= len(side_code.MODES):
            return DecodedFrame(nothing, False, False, None)
        first_mode = side_code.MODES[header >> _LENGTH_BITS]
        first_bits = (header & ((1 << _LENGTH_BITS) - 1)) * unit
        first = self._part(received, noise, start, first_bits, first_mode)
        if first is None or first_bits < side_bits.FIELD_BITS:
            return DecodedFrame(nothing, False, False, None)
        start += side_code.symbol_count(first_bits, first_mode)
        try:
            fields = side_bits.fields(first)
            second_mode = side_code.MODES[fields.mode]
            end = start + side_code.symbol_count(fields.units * unit, second_mode)
            if 2 * (received.size - end) < LEAST_REALS:
                raise BurstError("a frame's parts are longer than its section")
            reader = Reader(first[side_bits.FIELD_BITS :])
            group = GROUPS[fields.group]
            shape = (-(-rows // min(group, rows)), -(-columns // min(group, columns)))
            squares = torch.from_numpy(self._read_classes(reader, *shape))[None]
            layout = self._model.layout(squares, group, torch.tensor([STEPS[fields.step]]), rows, columns)
            tables, plain, coarse = self._multiple_models(layout)
            whole = np.zeros(tables.size, np.int64)
            whole[coarse] = side_bits.read_multiples(reader, tables[coarse], plain[coarse], self._tables())
        except (BurstError, AssertionError, ValueError):
            return DecodedFrame(nothing, False, False, None)
        second = self._part(received, noise, start, fields.units * unit, second_mode)
        rest = ~coarse
        arrived = second is not None
        if second is not None and rest.any():
            try:
                whole[rest] = side_bits.read_multiples(Reader(second), tables[rest], plain[rest], self._tables())
            except (BurstError, AssertionError, ValueError):
                arrived = False
                whole[rest] = 0
        values, effective = _despread(received[end:], noise[end:])
        picture = self._picture(
            fields, layout, whole, values, effective, received.size, (height, width), arrived, linear
        )
        return DecodedFrame(picture, True, arrived, fields.tx_snr_db)

    @staticmethod
    def _part(
        received: NDArray[np.complex128], noise: NDArray[np.float64], start: int, bit_count: int, mode: side_code.Mode
    ) -> NDArray[np.uint8] | None:
        end = start + side_code.symbol_count(bit_count, mode)
        if end > received.size:
            return None
        return side_code.decode(received[start:end], bit_count, noise[start:end], mode)

    def _picture(
        self,
        fields: Fields,
        layout: Layout,
        whole: NDArray[np.int64],
        values: NDArray[np.float64],
        noise: float,
        symbol_count: int,
        size: tuple[int, int],
        complete: bool,
        linear: bool,
    ) -> NDArray[np.float32]:
        """``values`` (reals,) as received, ``noise`` the complex variance on them."""
        with torch.inference_mode():
            tx_noise = torch.tensor([0.5 * 10.0 ** (-0.1 * fields.tx_snr_db)], dtype=torch.float64)
            found: Powers = allocation.powers(
                allocation.counted(layout.residual), torch.tensor([values.size]), tx_noise
            )
            gain = gains(layout, found)
            scale = fields.scale_factor
            chosen = allocation.sent(layout.residual, found)
            received = torch.zeros_like(gain)
            plain = torch.from_numpy(values / scale - _PATTERN * _signs(values.size)).float()
            received[chosen] = plain[: int(chosen.sum())]
            wiener, errors = estimated(layout, found, gain, torch.tensor([0.5 * noise / scale**2]))
            unit = levels.variance(layout.step).sqrt().float()[:, None]
            known = torch.zeros_like(gain)
            known[layout.quantised] = torch.from_numpy(whole).float()
            estimates = known * torch.where(layout.quantised, unit, 0.0) + wiener * received
            if not complete:
                # what was rounded off says little about a coefficient that is wide
                lost = layout.quantised & ~coarse_places(*layout.classes.shape[1:])
                ratio = (layout.level - layout.step[:, None]).clamp_min(allocation.LEAST_RATIO)
                estimates = torch.where(lost, estimates * self._model.multiples.likely(ratio), estimates)
                errors = torch.where(lost, levels.variance(layout.level).float(), errors)
            rows, columns = layout.classes.shape[1:]
            shaped = estimates.view(1, rows, columns, 3, BLOCK, BLOCK)
            pictures = self._model.synthesise(shaped)
            if not linear:
                snrs = torch.tensor([-10.0 * np.log10(max(noise, 1e-6))]).float(), torch.tensor([fields.tx_snr_db])
                density = torch.tensor([symbol_count / (3 * size[0] * size[1])])
                pictures = self._model.corrected(pictures, errors, layout, found, snrs, density)
            return pictures[0].clamp(0.0, 1.0).contiguous().numpy()

    # what both ends do

    def _multiple_models(self, layout: Layout) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]]:
        """Of the quantised coefficients in order: tables, plain bits, whether they are coarse."""
        ratio = (layout.level - layout.step[:, None])[layout.quantised]
        tables, plain = self._model.multiples.place(ratio)
        coarse = coarse_places(*layout.classes.shape[1:]).expand_as(layout.quantised)[layout.quantised]
        return tables.numpy(), plain.numpy(), coarse.numpy()

    def _tables(self) -> NDArray[np.int32]:
        return np.asarray(self._model.multiples.frequencies.numpy())

    def _read_classes(self, reader: Reader, rows: int, columns: int) -> NDArray[np.int64]:
        classes = self._model.classes
        return side_bits.read_classes(
            reader, rows, columns, classes.activity.numpy(), classes.frequencies.numpy(), ACTIVITIES
        )


def _checked(frame: ArrayLike) -> NDArray[np.float32]:
    pixels = np.array(frame, dtype=np.float32)
    if pixels.ndim != 3 or pixels.shape[0] != 3:
        raise ClipError(f"a frame must have the shape (3, height, width), not {pixels.shape}")
    blocks(pixels.shape[1], pixels.shape[2], "frame")
    if not np.isfinite(pixels).all() or pixels.min() < 0.0 or pixels.max() > 1.0:
        raise ClipError("a frame must have values within 0 … 1; divide 8-bit pixels by 255")
    return pixels


def _padded(values: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    """A small picture can have fewer coefficients than there are reals."""
    return np.pad(values, (0, count - values.size))


def _signs(count: int) -> NDArray[np.float64]:
    """A known sequence of ±1."""
    signs: NDArray[np.float64] = 1.0 - 2.0 * side_code.sequence(count).astype(np.float64)
    return signs


def _despread(received: NDArray[np.complex128], noise: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
    """The analogue values, and the complex noise variance on each.

    With noise that differs from symbol to symbol each is first weighted by 1 / (1 + its variance), the linear estimate
    of unit-power symbols; the variance behind the DFT is then 1 / mean weight − 1.
    """
    weight = 1.0 / (1.0 + np.where(np.isfinite(noise), noise, np.inf))
    mean = max(float(weight.mean()), 1e-9)
    symbols = np.fft.ifft(received * (weight / mean), norm="ortho")
    return np.concatenate([symbols.real, symbols.imag]), 1.0 / mean - 1.0
