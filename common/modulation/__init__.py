"""Bits to complex symbols and back."""
