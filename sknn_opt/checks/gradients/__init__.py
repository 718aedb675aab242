"""Private. Is this the gradient of that function, and if not, where and why?"""

__all__: list[str] = []
