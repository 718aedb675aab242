"""Private. Have new data left the distribution of the training data?"""

__all__: list[str] = []
