"""Private. Networks as mathematics: arrays in, arrays out, nothing of scikit-learn's estimators."""

__all__: list[str] = []
