"""Private. From a table as it comes to a matrix of floats."""

__all__: list[str] = []
