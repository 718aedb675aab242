"""From whatever holds a network or a normalizer to that part, and to X and y as they reach it.

A search stands for its best estimator, a pipeline for its last step, with the rows as the steps
before transform them; an estimator of tables for its network, with the rows as its encoder makes
them; an ensemble stands for its first member with a network in it. What was done
on the way is told in notes. Each check, each Display and `record_path` opens estimators here.
"""

from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from scipy.sparse import issparse
from sklearn.base import clone
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.exceptions import NotFittedError
from sklearn.neural_network import MLPClassifier as SklearnMLPClassifier
from sklearn.neural_network import MLPRegressor as SklearnMLPRegressor
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.validation import check_is_fitted

from sknn_opt._sklearn import feature_names, safe_indexing
from sknn_opt.estimators.classifier import MLPClassifier
from sknn_opt.estimators.normalizer import InputNormalizer
from sknn_opt.estimators.regressor import MLPRegressor
from sknn_opt.tables.base import BaseTabularMLP
from sknn_opt.tables.encoder import TableEncoder

OURS = MLPClassifier | MLPRegressor
SKLEARN = SklearnMLPClassifier | SklearnMLPRegressor


@dataclass(frozen=True)
class Opened:
    """A part of an estimator, and the rows and targets as they reach it.

    `names` are those of the columns of X, or None; `notes` tell what was done on the way, and
    `may_fit` whether copies of steps may be fitted.
    """

    part: object = None
    X: object = None
    y: object = None
    names: list | None = None
    notes: tuple = ()
    may_fit: bool = True


def open_network(
    estimator, X=None, y=None, who="check_gradients", *, ours=False, fitted=False, in_place=False
):
    """The network in an estimator, and the data as they come to it.

    `who` asks for it. With `ours` scikit-learn's own MLP will not do; with `fitted` everything
    must be fitted, else copies of steps that are not are fitted to X and y; with `in_place` the
    network must be the one that ``estimator.fit`` trains, and no copy of it. Without X only the
    network is looked for. TypeError says that there is none, ValueError that a step cannot be
    fitted to the data.
    """
    wanted = OURS if ours else OURS | SKLEARN
    found = _find(estimator, wanted, "in place" if in_place else "network")
    if found is None:
        raise TypeError(_no_network(estimator, who, ours, fitted, in_place))
    if fitted and not hasattr(found[0], "n_features_in_"):
        name = type(found[0]).__name__
        raise NotFittedError(f"This {name} has no history yet: call fit first.")
    return _carry(*found, X, y, may_fit=not fitted)


def open_normalizer(estimator, X, who="check_shift", *, tables=False):
    """The first InputNormalizer in an estimator, or else the first StandardScaler, and its data.

    With `tables` a TableEncoder is as good as the former. It must be fitted. The `names` of the
    columns are x0, x1, ... where they have none.
    """
    best = InputNormalizer | TableEncoder if tables else InputNormalizer
    for wanted in (best, StandardScaler):
        if found := _find(estimator, wanted, "normalizer"):
            break
    else:
        if isinstance(estimator, Pipeline):
            raise TypeError(f"{who} needs an InputNormalizer, but the pipeline has none.")
        raise TypeError(
            f"{who} needs a fitted InputNormalizer, or a pipeline with one in it; "
            f"got {_got(estimator, 'normalizer')}."
        )
    check_is_fitted(found[0])
    opened = _carry(*found, X, None, may_fit=False)
    n = opened.part.n_features_in_
    if len(opened.names or ()) != n:
        return replace(opened, names=[f"x{j}" for j in range(n)])
    return opened


def is_ours(what):
    """Whether this is a network of sknn_opt."""
    return isinstance(what, OURS)


# The way down -----------------------------------------------------------------------------------


def _find(estimator, wanted, kind):
    """The first part that is wanted, and the functions that bring data to it; None if none is."""
    if isinstance(estimator, wanted):
        return estimator, ()
    found = []
    for part, carry in _doors(estimator, kind) if hasattr(estimator, "fit") else ():
        if inside := _find(part, wanted, kind):
            found.append((inside[0], (carry, *inside[1])))
    if len(found) > 1 and not isinstance(estimator, Pipeline):
        part, carries = found[0]  # of several normalizers, or of the networks of an ensemble
        what = "normalizer" if kind == "normalizer" else "network"
        note = f"{type(estimator).__name__} holds {len(found)} {what}s: the first was looked at"
        return part, (partial(_note, note), *carries)
    return found[0] if found else None


def _doors(estimator, kind):
    """(part, what brings X and y to it) for each estimator that lies directly inside one.

    In a pipeline a normalizer may be anywhere; a network is the last step, or one of ours before
    it, whose hidden layer makes the features.
    """
    if isinstance(estimator, Pipeline):
        steps = estimator.steps
        *before, last = range(len(steps))
        if kind == "normalizer":
            chosen = [*before, last]
        else:
            features = [k for k in before[::-1] if is_ours(steps[k][1])]
            chosen = [last, *(features if kind == "network" else [])]
        for k in chosen:
            yield steps[k][1], partial(_through_steps, steps[:k])
    elif kind == "in place":
        return
    elif isinstance(estimator, BaseTabularMLP):
        yield from _table_doors(estimator, kind)
    elif hasattr(estimator, "best_estimator_"):
        yield estimator.best_estimator_, replace  # the data as they are
    elif hasattr(estimator, "refit") and hasattr(estimator, "error_score"):
        return  # a search that is not fitted has chosen nothing yet
    elif isinstance(estimator, TransformedTargetRegressor):
        regressor = getattr(estimator, "regressor_", estimator.regressor)
        yield regressor, partial(_transform_targets, estimator)
    elif isinstance(estimator, FeatureUnion):
        yield from ((step, replace) for _, step in estimator.transformer_list)
    elif isinstance(estimator, ColumnTransformer):
        parts = getattr(estimator, "transformers_", estimator.transformers)
        yield from ((step, partial(_take_columns, columns)) for _, step, columns in parts)
    else:
        yield from _members(estimator)


def _table_doors(estimator, kind):
    """The encoder, or the network behind it, of an estimator of tables that is fitted."""
    if not hasattr(estimator, "network_"):
        return
    if kind == "normalizer":
        yield estimator.encoder_, replace
    else:
        yield estimator.network_, partial(_through_encoder, estimator.encoder_)


def _members(estimator):
    """The doors of an ensemble, or of what holds a single estimator."""
    if hasattr(estimator, "calibrated_classifiers_"):
        members = [fold.estimator for fold in estimator.calibrated_classifiers_]
    elif hasattr(estimator, "estimators_"):
        members = list(estimator.estimators_)
    elif hasattr(estimator, "estimators"):
        members = [member for _, member in estimator.estimators]
    else:
        # In the order of preference; scikit-learn 1.6 has the last name for chains.
        names = ("estimator_", "estimator", "base_estimator")
        members = [next((getattr(estimator, n) for n in names if hasattr(estimator, n)), None)]
    numbered = [*enumerate(members)]
    if hasattr(estimator, "final_estimator_"):
        numbered.append((None, estimator.final_estimator_))
    for k, member in numbered:
        encode = _encoding(estimator, member, k)
        if encode is not None:
            yield member, partial(_to_member, estimator, k, member, encode)


def _encoding(estimator, member, k):
    """What turns y into the targets of member k; None if that is unknown."""
    from sklearn import multiclass, multioutput  # here, since they take a while to import

    outputs = multioutput.MultiOutputClassifier | multioutput.MultiOutputRegressor
    chains = multioutput.ClassifierChain | multioutput.RegressorChain
    classes, theirs = (getattr(each, "classes_", None) for each in (estimator, member))
    if isinstance(estimator, outputs | chains):
        column = getattr(estimator, "order_", range(k + 1))[k]
        return lambda y: np.asarray(y)[:, column]
    if isinstance(estimator, multiclass.OneVsRestClassifier):
        return partial(_one_against_the_rest, classes, k)
    known = isinstance(classes, np.ndarray) and isinstance(theirs, np.ndarray)
    if not known or np.array_equal(theirs, classes):
        return lambda y: y  # unknown: not fitted, a regressor, or several labels a row
    codes = np.array_equal(theirs, np.arange(len(classes)))
    return partial(np.searchsorted, classes) if codes else None


def _one_against_the_rest(classes, k, y):
    if np.ndim(y) > 1:
        return np.asarray(y)[:, k]
    classes = np.unique(y) if classes is None else classes
    return (np.asarray(y) == classes[k if len(classes) > 2 else 1]).astype(int)


# The way of the data ----------------------------------------------------------------------------


def _carry(part, carries, X, y, may_fit):
    names = None if X is None else feature_names(X)
    way = Opened(X=X, y=y, names=names, may_fit=may_fit)
    for carry in carries if X is not None else ():
        way = carry(way)
    names = getattr(part, "feature_names_in_", way.names)
    return replace(way, part=part, names=None if names is None else [str(n) for n in names])


def _note(note, way):
    return replace(way, notes=(*way.notes, note))


def _through_steps(steps, way):
    """X as the steps transform it; steps that are not fitted are fitted in copies."""
    fitted_here = []
    for name, step in steps:
        if not hasattr(step, "transform"):  # passthrough, or a sampler
            continue
        try:
            check_is_fitted(step)
        except NotFittedError:
            if not way.may_fit:
                raise
            step = _fitted_copy(name, step, way)
            fitted_here.append(name)
        way = replace(way, X=step.transform(way.X), names=_names_after(step, way.names))
    if not fitted_here:
        return way
    names = ", ".join(fitted_here)
    return _note(f"the pipeline is not fitted: copies of its steps ({names}) were fitted to X", way)


def _through_encoder(encoder, way):
    """X as the encoder of a table hands it to a network: an array."""
    return replace(way, X=np.asarray(encoder.transform(way.X)), names=_names_after(encoder, None))


def _fitted_copy(name, step, way):
    try:
        return clone(step).fit(way.X, way.y)
    except Exception as error:
        raise ValueError(
            f"The pipeline is not fitted, and a copy of its step {name!r} cannot be fitted to "
            f"these data; fit the pipeline first, or pass y too ({error})"
        ) from error


def _names_after(step, names):
    """The names that a step gives its outputs, or None where it has none."""
    try:
        return step.get_feature_names_out(names)
    except (AttributeError, ValueError):
        return None


def _take_columns(columns, way):
    """The columns that go to a part of a ColumnTransformer, or to a member of an ensemble."""
    X = way.X if hasattr(way.X, "shape") else np.asarray(way.X)
    names = np.array([f"x{j}" for j in range(X.shape[1])] if way.names is None else way.names)
    chosen = columns if isinstance(columns, slice) else np.ravel(columns)
    by_name = not isinstance(chosen, slice) and chosen.dtype.kind in "UO"
    taken = safe_indexing(X, columns, axis=1)
    return replace(way, X=taken, names=chosen if by_name else names[chosen])


def _transform_targets(estimator, way):
    """The targets as a TransformedTargetRegressor hands them to its regressor."""
    if way.y is None:
        return way
    if not hasattr(estimator, "transformer_"):
        from sklearn.dummy import DummyRegressor

        estimator = clone(estimator).set_params(regressor=DummyRegressor()).fit(way.X, way.y)
        way = _note("a copy of the transformer of y was fitted", way)
    y = np.asarray(way.y)
    turned = estimator.transformer_.transform(y.reshape(len(y), -1))
    return replace(way, y=turned.ravel() if y.ndim == 1 and turned.shape[1] == 1 else turned)


def _to_member(estimator, k, member, encode, way):
    """Targets as a member has them, and rows without names, or some columns, where it has those.

    The last estimator of a stack has no number k: what the others say is its input.
    """
    if way.y is not None:
        way = replace(way, y=encode(way.y))
    if k is None:
        return replace(way, X=estimator.transform(way.X), names=None)
    lost = hasattr(estimator, "feature_names_in_") and not hasattr(member, "feature_names_in_")
    if lost and hasattr(member, "n_features_in_") and not issparse(way.X):
        way = replace(way, X=np.asarray(way.X))
    if hasattr(estimator, "estimators_features_"):
        return _take_columns(estimator.estimators_features_[k], way)
    return way


# Messages ---------------------------------------------------------------------------------------


def _no_network(estimator, who, ours, fitted, in_place):
    if isinstance(estimator, type) and not fitted:
        return f"Pass an instance: {who}({estimator.__name__}(), X, y)."
    what = "needs a fitted" if fitted else "needs an" if ours else "takes an"
    whose = "sknn_opt" if ours else "sknn_opt or scikit-learn"
    holder = "a pipeline that ends" if in_place else "a pipeline, a fitted search or an ensemble"
    return (
        f"{who} {what} MLPClassifier or MLPRegressor of {whose}, or {holder} with one; "
        f"got {_got(estimator, 'in place' if in_place else 'network')}."
    )


def _got(estimator, kind):
    """The name of what was handed over, or of what lies in its pipelines and searches."""
    parts = [part for part, _ in _doors(estimator, kind) if hasattr(part, "fit")]
    if len(parts) == 1:
        return _got(parts[0], kind)
    name = type(estimator).__name__
    if isinstance(estimator, SKLEARN):
        return f"scikit-learn's {name}"
    if isinstance(estimator, BaseTabularMLP) and kind != "in place" and not parts:
        return f"{name}; fit it first"
    if parts or not (hasattr(estimator, "fit") and hasattr(estimator, "estimator")):
        return name
    is_search = kind != "in place" and hasattr(estimator, "refit")
    if is_search and hasattr(estimator, "cv_results_"):
        return f"{name}, which with refit=False keeps no estimator; pass the estimator in it"
    return f"{name}; {'fit it first, or ' if is_search else ''}pass the estimator in it"
