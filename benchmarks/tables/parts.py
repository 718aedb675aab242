"""What does each part of the recipe give? The preset balanced, and the same without the part.

    PYTHONPATH=benchmarks python -m tables.parts [--models NAME ...]

The ratio of errors, without the part over with it, is paired by table (one split), and a geometric
mean over tables of numbers and mixed ones, by halves: above 1 the part pays. Writes
docs/_static/table_parts.txt. Run with ``make bench``.
"""

import argparse
import warnings
from pathlib import Path

from speed.reporting import simple_table
from threadpoolctl import threadpool_limits

from sknn_opt import TableEncoder, TabularMLPClassifier, TabularMLPRegressor
from sknn_opt.optim import AdamW, FadeOut
from sknn_opt.tables.recipe import LAYER_RATES
from tables.compare import MOST_ROWS, measure_all
from tables.contenders import Contender, our_version
from tables.results import Results
from tables.sets import HALVES, all_tables
from tables.summary import Comparison

FILE = Path(__file__).parents[2] / "docs" / "_static" / "table_parts.txt"
PRESET, ALL, SPLITS = "balanced", "with all parts", 1
BETAS = {"beta_1": 0.9, "beta_2": 0.95}
PLAIN = AdamW(**BETAS)
NO_DECAY = AdamW(**BETAS, weight_decay=0.0, layer_rates=LAYER_RATES)
MORE_DECAY = AdamW(**BETAS, weight_decay=FadeOut(0.3), layer_rates=LAYER_RATES)
WITHOUT = {  # parameters of the network that take a part away
    ALL: {},
    "several members": {"n_members": 1},
    "the scale of each input": {"input_scale": False},
    "init from data": {"init": "auto"},
    "learning rates by layer": {"solver": PLAIN},
    "weight decay": {"solver": NO_DECAY},
    "weight decay of .01 (with .3, fading out)": {"solver": MORE_DECAY},
    "dropout": {"dropout": 0.0},
    "dropout that fades out": {"dropout": 0.1},
    "best epoch on held-out rows": {"early_stopping": False},
    "silu (with relu)": {"activation": "relu"},
}
OF_ENCODER = {"quantile bins": {"bins": None, "max_categories": 100}}
OF_REGRESSOR = {"clipped predictions": {"clip_predictions": False}}


def contenders():
    """The recipe, and the recipe without each of its parts."""
    for name, network_params in WITHOUT.items():
        yield Contender(name, _make(network_params), our_version())
    for name, parameters in OF_ENCODER.items():
        yield Contender(name, _make({}, parameters), our_version())
    for name, network_params in OF_REGRESSOR.items():
        yield Contender(name, _make({}, regressor=network_params), our_version())


def _make(network_params, encoder=None, regressor=None):
    def make(has_classes, seed, categories):
        model = TabularMLPClassifier if has_classes else TabularMLPRegressor
        own = network_params if has_classes else network_params | (regressor or {})
        parts = TableEncoder(random_state=seed, **encoder) if encoder else None
        return model(PRESET, network_params=own, encoder=parts, random_state=seed)

    return make


def report(comparison):
    """The table as text."""
    header = ["without"]
    header += [f"{what}, {half}" for what in ("error", "log-loss") for half in HALVES]
    rows = []
    for name in comparison.names[1:]:
        ratios = [
            comparison.ratio(name, ALL, what, half=half)
            for what in ("error", "log-loss")
            for half in HALVES
        ]
        rows.append([name, *ratios])
    return simple_table(header, rows)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", nargs="*", help="measure these only, and report all")
    options = parser.parse_args()
    tables, found, results = all_tables(), list(contenders()), Results()
    wanted = [one for one in found if not options.models or one.name in options.models]
    with threadpool_limits(1):
        measure_all(tables, wanted, results, MOST_ROWS, SPLITS)
    text = report(Comparison(tables, found, results, MOST_ROWS, SPLITS))
    print(text)
    FILE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main()
