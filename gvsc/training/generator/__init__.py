"""Training of the generator `mini`: its painter, its mover and its decoder, one after the other."""
