"""What is learned of motion in real clips: how it goes on in time, and how strong each coefficient is.

Committed as ``common/weights/motion.safetensors``, made by ``python -m gvsc.training.motion``. ``time`` (STEPS, STEPS)
is the Karhunen-Loève transform in time, column k its vector k, the strongest first; ``log_variances``
(designs, STEPS, 2, ORDER, ORDER) are natural logarithms of the coefficients' variances in clips of total variance 1,
for each design; ``snrs_db`` (designs,) is the SNR that each design is for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from torch import Tensor

from common import weights
from common.codecs.motion import side
from common.codecs.motion.basis import ORDER, STEPS
from common.codecs.motion.powers import Allocation, allocate
from common.errors import WeightsError
from common.weights.tensors import read as read_tensors

NAME = "motion"


@dataclass(frozen=True)
class Prior:
    """See the module. Raises WeightsError where the tensors do not fit each other."""

    time: Tensor
    log_variances: Tensor
    snrs_db: Tensor
    _made: dict[tuple[int, int], Allocation] = field(default_factory=dict, repr=False, compare=False)

    def __post_init__(self) -> None:
        designs = len(self.snrs_db)
        shapes = {
            "time": (self.time, (STEPS, STEPS)),
            "log_variances": (self.log_variances, (designs, STEPS, 2, ORDER, ORDER)),
            "snrs_db": (self.snrs_db, (designs,)),
        }
        for name, (tensor, shape) in shapes.items():
            if tensor.shape != shape or not tensor.isfinite().all():
                raise WeightsError(
                    f"{name} of {NAME} is {tuple(tensor.shape)}, not {shape} finite numbers; reinstall gvsc"
                )
        if not 1 <= designs <= 1 << side.DESIGN_BITS:
            raise WeightsError(f"{NAME} has {designs} designs, not 1 to {1 << side.DESIGN_BITS}; reinstall gvsc")

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, Tensor]) -> Prior:
        """From a file's tensors, of any precision. Raises WeightsError."""
        try:
            time, log_variances, snrs_db = (tensors[name].float() for name in ("time", "log_variances", "snrs_db"))
        except KeyError as error:
            raise WeightsError(f"these are not weights of {NAME}: {error} is missing; reinstall gvsc") from error
        return cls(time, log_variances, snrs_db)

    @classmethod
    def load(cls, path: Path | None = None) -> Prior:
        """From a safetensors file; by default the committed weights, verified. Raises WeightsError."""
        file = weights.path(NAME) if path is None else path
        return cls.from_tensors(read_tensors(file))

    def design(self, snr_db: float) -> int:
        """The number of the design that is for the SNR nearest to ``snr_db``."""
        return int((self.snrs_db - snr_db).abs().argmin())

    def allocation(self, design: int, count: int) -> Allocation:
        """What is sent in ``count`` reals by ``design``; one past the last counts as the last."""
        design = min(design, len(self.snrs_db) - 1)
        key = design, count
        if key not in self._made:
            snr_db = float(self.snrs_db[design])
            self._made[key] = allocate(self.log_variances[design].exp(), count, 0.5 * 10.0 ** (-0.1 * snr_db))
        return self._made[key]
