"""Error-detecting and error-correcting codes: CRCs, turbo, polar and LDPC codes, and the blocks made of them."""
