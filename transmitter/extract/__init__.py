"""Semantic extractors: one to a file, each a pure function of the clip (paper, II-A)."""
