"""Motion: where in a clip's first frame each later frame comes from. Estimators one to a file."""
