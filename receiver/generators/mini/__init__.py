"""`mini`: a small conditional diffusion model for clips of eight frames, trained by this project on a CPU."""
