"""Errors that a user may see: each is one line that says what is wrong and what to do about it."""

from __future__ import annotations


class GvscError(Exception):
    """Base of every error this project raises on purpose. The command prints it as one line and exits with 1."""


class ClipError(GvscError):
    """A clip cannot be read or has the wrong shape."""


class ProtocolError(GvscError):
    """A message on a socket is malformed, too large, of another version, or of an unexpected kind."""


class BurstError(GvscError):
    """Samples do not hold a burst that can be decoded."""


class SchemeError(GvscError):
    """A scheme is unknown or cannot carry what it was given."""


class SettingError(GvscError):
    """An option or a live knob was given a value that it cannot take."""


class EndpointError(GvscError):
    """A socket cannot be bound, or a peer does not answer."""


class WeightsError(GvscError):
    """Weights are missing, altered, or do not fit the model. Nothing ever runs on random weights instead."""


class PackageError(GvscError):
    """An optional package is needed and not installed."""


class DeviceError(GvscError):
    """The GPU that a model is to run on is not there, or memory does not hold the model."""
