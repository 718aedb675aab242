"""Searches for hyperparameters: how good they are, and which hyperparameters matter.

PYTHONPATH=benchmarks python -m search.compare [--quick]
PYTHONPATH=benchmarks python -m search.importance
"""
