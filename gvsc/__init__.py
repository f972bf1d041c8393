"""What a person uses around the link: the command, evaluation and training."""

__version__ = "0.1.0"
