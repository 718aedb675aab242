"""Private. Can the gradient be trusted?"""

__all__: list[str] = []
