"""The catalogue: every generator, extractor, codec, metric, judge and perceptual loss, and what each runs on.

``items`` says what an entry is, ``table`` holds the entries, ``here`` looks what of it this machine has, ``hub`` does
so for models of the Hugging Face hub, and ``page`` writes it down for a person. ``gvsc models`` is the command.
"""
