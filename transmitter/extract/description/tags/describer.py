"""`tags`: who or what, in which colours, how it moves; from parts that run offline on a CPU."""

from __future__ import annotations

import numpy as np
import torch

from common import weights
from common.clip import Clip
from transmitter.extract.description.base import Description
from transmitter.extract.description.tags import colours, efficientnet_lite0, face, motion, sentence, subject
from transmitter.extract.description.tags.efficientnet_lite0 import EfficientNetLite0


class Tags:
    """A classifier of ImageNet's classes and a face detector for the subject, colours in CIELAB, and global motion.

    Where the classifier is not sure, a more general word or none stands for the subject.
    """

    name = "tags"

    def __init__(self, network: EfficientNetLite0) -> None:
        self._network = network

    @classmethod
    def from_weights(cls) -> Tags:
        """With the weights `efficientnet-lite0`. Raises WeightsError."""
        return cls(efficientnet_lite0.load(weights.path(efficientnet_lite0.NAME)))

    def extract(self, clip: Clip) -> Description:
        return Description.of(sentence.of(self.tags(clip)), self.name)

    def tags(self, clip: Clip) -> sentence.Tags:
        """What there is to tell of ``clip``."""
        looked_at = clip.video[np.unique([0, len(clip.video) // 2, len(clip.video) - 1])]
        with torch.inference_mode():
            logits = self._network(torch.stack([efficientnet_lite0.prepare(frame) for frame in looked_at]))
        called = subject.name(logits.softmax(1).mean(0).double().numpy())
        # Most of the frames must show a face; the classifier may know what its person wears.
        faces = sum(face.count(frame) > 0 for frame in looked_at)
        if 2 * faces > len(looked_at) and not called.startswith(subject.PERSON):
            called = subject.PERSON
        return sentence.Tags(
            called,
            bool(called) and subject.is_scenery(called),
            colours.find(clip.video),
            motion.find(clip.video),
        )
