"""Private. Tables of numbers: what is done to them without knowing what they mean."""

__all__: list[str] = []
