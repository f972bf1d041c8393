"""How good a reconstruction is, and what it looks like.

The only place that sees source and reconstruction together: the receiver never does.
"""
