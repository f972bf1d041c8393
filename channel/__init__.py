"""What the air does to a burst, and the live knob that sets it. Imports neither torch nor scipy nor numba."""
