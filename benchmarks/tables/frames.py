"""What a person does to a table by hand before an estimator other than ours can read it."""

import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

MOST = 250  # values of a category; HistGradientBoosting takes 255
OTHER, GAP = "(other)", "(gap)"
NUMBERS = make_column_selector(dtype_include="number")
CATEGORIES = make_column_selector(dtype_include="category")


def without_dates(X):
    """The frame with each date as its day, the day of the year and of the week, and the hour."""
    X = X.copy()
    for name in X.select_dtypes("datetime"):
        date = X.pop(name)
        X[f"{name} day"] = (date - pd.Timestamp("2000-01-01")) / pd.Timedelta("1D")
        X[f"{name} of year"] = date.dt.dayofyear.astype(float)
        X[f"{name} of week"] = date.dt.dayofweek.astype(float)
        X[f"{name} hour"] = date.dt.hour.astype(float)
    return X


class Prepare(TransformerMixin, BaseEstimator):
    """Dates become numbers, and text becomes categories of the values that are most frequent.

    Parameters
    ----------
    fills : bool, default=False
        Whether gaps become medians, and a category of their own.
    """

    def __init__(self, fills=False):
        self.fills = fills

    def fit(self, X, y=None):
        """Note values and medians."""
        X = without_dates(X)
        text = X.select_dtypes(exclude="number")
        self.values_ = {
            name: text[name].value_counts().index[:MOST].astype(str).tolist() for name in text
        }
        self.medians_ = X.select_dtypes("number").median().fillna(0)
        return self

    def transform(self, X):
        """The frame of numbers and categories."""
        X = without_dates(X)
        for name, values in self.values_.items():
            text = X[name].map(str, na_action="ignore").astype(object)
            text = text.where(text.isin(values) | text.isna(), OTHER)
            text = text.fillna(GAP) if self.fills else text
            X[name] = pd.Categorical(text, [*values, OTHER, GAP])
        return X.fillna(self.medians_) if self.fills else X


def one_hot():
    """Numbers filled and scaled, with an indicator of gaps; categories as one-hot columns."""
    numbers = make_pipeline(SimpleImputer(strategy="median", add_indicator=True), StandardScaler())
    categories = OneHotEncoder(
        handle_unknown="infrequent_if_exist",
        min_frequency=10,
        max_categories=50,
        sparse_output=False,
    )
    columns = make_column_transformer((numbers, NUMBERS), (categories, CATEGORIES))
    return make_pipeline(Prepare(), columns)
