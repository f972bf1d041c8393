"""One clip in, one burst of complex symbols out."""
