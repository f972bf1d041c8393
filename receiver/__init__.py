"""One burst of received samples in, one clip out. Never sees the source."""
