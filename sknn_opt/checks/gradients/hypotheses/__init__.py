"""Private. Usual bugs, each as a prediction of the correct gradient from the wrong one."""

__all__: list[str] = []
