"""What a search has found, as scikit-learn's `cv_results_` and a few columns more."""

import warnings
from collections import Counter

import numpy as np
from scipy.stats import rankdata
from sklearn.exceptions import FitFailedWarning

from sknn_opt._sklearn import formatted_results


def metric_of(refit_metric):
    """The score of one result of a trial: by the metric that decides."""

    def score(result):
        scores = result["test_scores"]
        if not isinstance(scores, dict):
            return float(scores)
        return float(scores[refit_metric if refit_metric in scores else next(iter(scores))])

    return lambda candidate: float(np.mean([score(each) for each in candidate.results.values()]))


def formatted(search, candidates, space):
    """`cv_results_` of candidates. Splits that one was not trained on are NaN, and not averaged."""
    n = search.n_splits_
    some = next(iter(candidates[0].results.values()))
    nothing = {name: _nothing_like(value) for name, value in some.items()}
    out = [one.results.get(i, nothing) for one in candidates for i in range(n)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # scores that are no numbers are said later
        params = [one.params for one in candidates]
        found = formatted_results(search, params, out, extra_columns(candidates, space))
        for row, one in enumerate(candidates):
            if len(one.results) < n:
                _average(found, row, one)
    rank_by_share(found)
    return found


def _average(found, row, candidate):
    """Means and deviations over the splits that a candidate was trained on; in place."""
    values = {name: _each(candidate, name) for name in ("fit_time", "score_time")}
    for name in [name.removeprefix("split0_") for name in found if name.startswith("split0_")]:
        values[name] = [found[f"split{i}_{name}"][row] for i in candidate.results]
    for name, each in values.items():
        found[f"mean_{name}"][row], found[f"std_{name}"][row] = np.mean(each), np.std(each)


def _nothing_like(value):
    return dict.fromkeys(value, np.nan) if isinstance(value, dict) else np.nan


def _each(candidate, name):
    """What was found on each split that a candidate was trained on."""
    return [result[name] for result in candidate.results.values()]


def extra_columns(candidates, space):
    """What `cv_results_` says beside scikit-learn's columns, as lists."""
    columns = {
        "round": [one.round for one in candidates],
        "share": [one.share for one in candidates],
        "n_epochs": [float(sum(_each(one, "n_epochs"))) for one in candidates],
        "seconds": [sum(_each(one, "fit_time") + _each(one, "score_time")) for one in candidates],
        "ended": [max(_each(one, "ended")) for one in candidates],
        "error": [reason_of(one) for one in candidates],
    }
    for name in space:
        for i, side in enumerate(("low", "high")):
            ends = [one.bounds.get(name, (np.nan, np.nan))[i] for one in candidates]
            columns[f"{side}_{name}"] = ends
    return columns


def rank_by_share(results):
    """Rank those that were trained longer first, and those without a score last; in place."""
    for name in [key for key in results if key.startswith("rank_test_")]:
        mean = results[name.replace("rank_test_", "mean_test_")]
        share = np.where(np.isnan(mean), 0.0, results["share"])
        keys = list(zip(-share, np.where(np.isnan(mean), np.inf, -mean), strict=True))
        places = {key: place for place, key in enumerate(sorted(set(keys)))}
        results[name] = rankdata([places[key] for key in keys], method="min").astype(np.int32)


def reason_of(candidate):
    """Why a candidate failed, in one line; "" if it did not."""
    for result in candidate.results.values():
        if result["fit_error"] is not None:
            return result["fit_error"].strip().splitlines()[-1]
    return ""


def refuse_failures(candidates, score):
    """Raise ValueError if no candidate has a score."""
    if not all(np.isnan(score(one)) for one in candidates):
        return
    reasons = Counter(filter(None, map(reason_of, candidates))).most_common(1)
    if not reasons:
        raise ValueError(
            f"The scores of all {len(candidates)} candidates are NaN: look at what `scoring` "
            "returns for the estimator."
        )
    reason, n = reasons[0]
    raise ValueError(
        f"All {len(candidates)} candidates failed. The reason of {n} of them: {reason}"
    )


def warn_of_failures(candidates, score):
    """One warning about all candidates that failed."""
    failed = [one for one in candidates if reason_of(one)]
    without = [one for one in candidates if not reason_of(one) and np.isnan(score(one))]
    said = []
    if failed:
        reasons = Counter(map(reason_of, failed)).most_common(3)
        listed = "; ".join(f"{reason:.200} ({n})" for reason, n in reasons)
        said.append(f"{len(failed)} of {len(candidates)} candidates failed and rank last: {listed}")
    if without:
        said.append(f"{len(without)} of {len(candidates)} candidates have a score that is NaN")
    if said:
        said[-1] += ". cv_results_['error'] has the reason of each." if failed else "."
        warnings.warn(". ".join(said), FitFailedWarning, stacklevel=5)
