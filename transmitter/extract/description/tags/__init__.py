"""`tags`: a description from small parts that run offline on a CPU."""
