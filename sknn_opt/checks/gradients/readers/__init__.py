"""Whatever has a gradient, read as Problems."""
