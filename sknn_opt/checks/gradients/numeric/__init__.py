"""Sources of derivatives, each with the same methods."""
