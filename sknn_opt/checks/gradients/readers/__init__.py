"""Private. Whatever has a gradient, read as Problems."""

__all__: list[str] = []
