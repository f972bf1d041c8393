"""Benchmarks: what `gvsc bench` measures. None of them is a test."""
