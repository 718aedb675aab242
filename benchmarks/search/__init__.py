"""How good a search for hyperparameters is, compared with the peers, at equal seconds.

PYTHONPATH=benchmarks python -m search.compare [--quick]
"""
