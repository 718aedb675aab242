"""Private. Why does this network not learn? Signals that vanish, explode, saturate or collapse."""

__all__: list[str] = []
