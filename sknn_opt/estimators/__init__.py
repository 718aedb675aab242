"""Private. What plugs into scikit-learn."""

__all__: list[str] = []
