"""Private. Training: which rows a network sees, in which order, and when it stops."""

__all__: list[str] = []
