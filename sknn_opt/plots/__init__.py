"""Private. Pictures: Displays as scikit-learn has them; matplotlib is imported when drawing."""

__all__: list[str] = []
