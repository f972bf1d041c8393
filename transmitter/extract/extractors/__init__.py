"""Extractors, one a file: each registers itself in ``transmitter.extract.base.EXTRACTORS``."""
