"""How good a model of a table is, compared with the peers, on real tables that lie in packages.

    PYTHONPATH=benchmarks python -m tables.compare [--quick]
    PYTHONPATH=benchmarks python -m tables.scale

Files in the order of the work: `rdata`, `mixed_tables` and `number_tables` load the tables, `sets`
halves and splits them, `contenders` has the models, `measures` what is measured of a prediction,
`results` keeps what was measured, `summary` compares it.
"""
