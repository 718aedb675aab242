"""Columns that hold no numbers: which they are, and the line that makes numbers of them.

Only looked at when scikit-learn's validation has failed, or a frame holds times: those it may take
for numbers in a unit that the next frame need not have, and a missing time for -9e18.
"""

import datetime

import numpy as np

from sknn_opt.arrays.dispatch import is_foreign

SHOWN = 3  # columns of a kind that are named
SAMPLE = 1000  # values that are looked at to tell numbers written as text from text
NO_NUMBER = "what is no number"

# What to do about columns of a kind, by the library that the frame is from. `X[name]` stands for
# one column of pandas, `names` for all of them.
REMEDIES = {
    ("dates", "pandas"): "X[name] = (pd.to_datetime(X[name], utc=True) - "
    'pd.Timestamp("1970-01-01", tz="UTC")) / pd.Timedelta(days=1)',
    ("dates", "polars"): 'X = X.with_columns(pl.col(names).dt.epoch("d"))',
    ("dates", "numpy"): 'X = (X - np.datetime64("1970-01-01")) / np.timedelta64(1, "D")',
    ("time spans", "pandas"): "X[name] = pd.to_timedelta(X[name]) / pd.Timedelta(hours=1)",
    ("time spans", "polars"): "X = X.with_columns(pl.col(names).dt.total_seconds())",
    ("time spans", "numpy"): 'X = X / np.timedelta64(1, "h")',
    ("numbers and text", "pandas"): 'X[name] = pd.to_numeric(X[name], errors="coerce")',
    ("numbers and text", "polars"): "X = X.with_columns("
    "pl.col(names).cast(pl.Float64, strict=False))",
    ("text and pandas.NA", "pandas"): 'X[name] = X[name].fillna("missing")',
    ("pandas.NA", "pandas"): 'X[name] = X[name].astype("Float64")',
}
AS_IT_IS = "let TabularMLPClassifier or TabularMLPRegressor take the table as it is"
WHAT_FOR = {"text": "encode them", "text and pandas.NA": "give those a name"}
ENCODE = (
    'make_column_transformer((OneHotEncoder(handle_unknown="ignore"), [names]), '
    "remainder=InputNormalizer())"
)


def refuse_tensors(X, owner):
    """Raise TypeError if array API dispatch leaves X in another library than NumPy."""
    if is_foreign(X):
        raise TypeError(
            f"{owner.__name__} computes in NumPy, and array API dispatch keeps "
            f"{type(X).__module__.partition('.')[0]} from converting its arrays: pass NumPy's, "
            "such as tensor.cpu().numpy(), or fit and predict under "
            "sklearn.config_context(array_api_dispatch=False)."
        )


def refuse_times(X, *, spans_alone=False):
    """Raise ValueError if X has dates or time spans; with `spans_alone` unless all are spans."""
    dtypes = getattr(X, "dtypes", None)
    kinds = {_time(d) for d in ([getattr(X, "dtype", None)] if dtypes is None else set(dtypes))}
    if kinds - {None} and not (spans_alone and kinds == {"time spans"}):
        refuse_columns(X)


def refuse_columns(X, error=None):
    """Raise ValueError (or TypeError, as scikit-learn) if columns of X hold no numbers."""
    table = X if hasattr(X, "columns") or isinstance(X, np.ndarray) else np.asarray(X, dtype=object)
    kinds = {}
    for name, values in _columns(table) if len(table.shape) == 2 else ():
        kind, example = _kind(values)
        if kind:
            kinds.setdefault(kind, []).append((name, example))
    if kinds:
        library = type(table).__module__.partition(".")[0]
        said = [_sentence(kind, columns, library) for kind, columns in kinds.items()]
        said += [f"({error})"] if NO_NUMBER in kinds else []
        its_own = NO_NUMBER in kinds and isinstance(error, TypeError)
        raise (TypeError if its_own else ValueError)("\n".join(said)) from error


def _columns(X):
    """(name or number, values) of each column."""
    if not hasattr(X, "columns"):
        yield from enumerate(X.T)
    elif hasattr(X, "iloc"):
        yield from ((name, X.iloc[:, j]) for j, name in enumerate(X.columns))
    else:
        yield from ((name, X[name]) for name in X.columns)


def _kind(values):
    """What a column holds, in words, and an example; None for numbers."""
    if kind := _time(values.dtype):
        return kind, next(iter(values), "")
    values = np.asarray(values, dtype=object)
    not_numbers = [value for value in values if not _is_number(value)]
    if not not_numbers:
        return None, None
    bad = next((value for value in not_numbers if not _is_na(value)), None)
    for kind, its in (("dates", datetime.date), ("time spans", datetime.timedelta)):
        if isinstance(bad, its):
            return kind, bad
    if bad is None:
        return "pandas.NA", not_numbers[0]
    if not isinstance(bad, str | bytes):
        return NO_NUMBER, bad
    numbers = sum(_is_number(value) for value in values[:SAMPLE])
    if 2 * numbers > len(values[:SAMPLE]):
        return "numbers and text", bad
    return "text and pandas.NA" if any(map(_is_na, not_numbers)) else "text", bad


def _time(dtype):
    """Whether a dtype is of dates or of time spans, in words; None for any other."""
    kind = getattr(dtype, "kind", None) or str(dtype).lower()  # polars' have no kind
    if kind == "M" or kind.startswith("date"):
        return "dates"
    return "time spans" if kind == "m" or kind.startswith("duration") else None


def _is_na(value):
    """Whether it is pandas.NA."""
    return type(value).__name__ == "NAType"


def _is_number(value):
    """Whether scikit-learn makes a number of it, or has its own words for it."""
    try:
        return value is None or isinstance(value, complex) or float(value) is not None
    except (TypeError, ValueError):
        return False


def _sentence(kind, columns, library):
    """What was found where, and what to do."""
    names = [f'"{name}"' if isinstance(name, str) else repr(name) for name, _ in columns]
    what = "column" if library == "numpy" else "feature"
    where = ", ".join(repr(name) for name, _ in columns[:SHOWN])
    more = f" and {len(columns) - SHOWN} more" if len(columns) > SHOWN else ""
    found = f"X holds {kind} in {what}{'s' * (len(columns) > 1)} {where}{more}"
    found += f", such as {str(columns[0][1])!r}" if kind != "pandas.NA" else ""
    remedy = ENCODE if kind == "text" else REMEDIES.get((kind, library))
    if remedy is None:
        return f"{found}: convert it, or leave it out."
    remedy = remedy.replace("names", ", ".join(names))
    if len(names) == 1:
        remedy = remedy.replace("X[name]", f"X[{names[0]}]")
    elif "X[name]" in remedy:
        remedy = f"for name in [{', '.join(names)}]: {remedy}"
    what = WHAT_FOR.get(kind, "make numbers of them")
    return f"{found}: {AS_IT_IS}, or {what} by {remedy}"
