"""Channel models, one a file: each registers itself in ``base.MODELS``, so adding one is adding its file."""
