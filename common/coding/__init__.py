"""Error-detecting and error-correcting codes: CRC-16 and the LTE turbo code."""
