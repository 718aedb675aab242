"""What a user should hear about a fit that cannot work, or did not.

Each function returns sentences, each with a remedy; none if all is well.
"""

import numpy as np
from scipy.sparse import issparse
from sklearn.utils.sparsefuncs import min_max_axis

from sknn_opt.nn.losses import constant_outputs, mean_loss_of_outputs
from sknn_opt.nn.predictor import Predictor

LONG_ROW = 1024  # numbers
SAMPLE = 2**18  # elements of X that are looked at after a fit
MAX_SPREAD = 1e3
TOO_SMALL = 0.3
OFFSET = 30.0
MIN_VALIDATION_ROWS = 10
# A network must lose this share less than a constant prediction to have learned anything.
LEARNED = 0.01


def _some_rows(data, n_outputs):
    """100 to 2,000 rows, so that a wide X is not copied, nor many outputs made."""
    return data.sample(min(max(SAMPLE // max(data.X.shape[1], n_outputs), 100), 2000))


def on_inputs(X, names=None):
    """Features that are too large, too small, or of scales too different to be trained on."""
    low, high = _ranges(X)
    scale = np.maximum(np.abs(low), np.abs(high))
    used = np.flatnonzero(scale)
    if not used.size:
        return ["All features are 0: there is nothing to learn from."]

    def say(column, what, *numbers):
        name = f"feature {column}" if names is None else f"feature {names[column]!r}"
        return f"{name} {what} " + " to ".join(f"{number:.3g}" for number in numbers)

    largest, smallest = used[scale[used].argmax()], used[scale[used].argmin()]
    middle = np.abs(low / 2 + high / 2)
    offset = np.flatnonzero((middle > OFFSET) & (middle / 5 > high - low))
    if scale[largest] > MAX_SPREAD * scale[smallest]:
        found = f"{say(largest, 'goes up to', scale[largest])}, "
        found += say(smallest, "only to", scale[smallest])
    elif scale[largest] > MAX_SPREAD:
        found = say(largest, "goes up to", scale[largest])
    elif scale[largest] < TOO_SMALL:
        found = say(largest, "does not go beyond", scale[largest])
    elif offset.size:
        found = say(offset[0], "lies far from 0, at", low[offset[0]], high[offset[0]])
    else:
        return []
    return [
        f"The features are not scaled: {found}. Networks train badly on such inputs; put "
        "InputNormalizer() before the network, in a pipeline."
    ]


def _ranges(X):
    """The smallest and the largest value of each feature."""
    if issparse(X):
        low, high = min_max_axis(X, 0)
    else:
        low, high = _ranges_of_part(X)
    return low.astype(float), high.astype(float)


def _ranges_of_part(X):
    """NumPy is five times faster with long rows: many short ones are taken as fewer, first."""
    n_features = X.shape[1]
    group = max(1, LONG_ROW // n_features) if X.flags.c_contiguous else 1
    n_long = len(X) // group
    if group == 1 or not n_long:
        return X.min(axis=0), X.max(axis=0)
    long, rest = X[: n_long * group].reshape(n_long, -1), X[n_long * group :]
    low, high = (f(axis=0).reshape(group, n_features) for f in (long.min, long.max))
    return np.vstack([low, rest]).min(axis=0), np.vstack([high, rest]).max(axis=0)


def on_targets(y, normalizer, is_new):
    """Targets, as the network gets them, of a scale that it is not made for.

    `is_new` says that the normalizer, if there is one, was fitted to these very targets.
    """
    low, high = float(y.min()), float(y.max())
    largest = max(abs(low), abs(high))
    spread = float(np.std(y / (largest or 1))) * largest
    too_large, too_flat = largest > MAX_SPREAD, spread < 1 / MAX_SPREAD and low < high
    if not (too_large or too_flat):
        return []
    found = f"from {low:.3g} to {high:.3g}, with a standard deviation of {spread:.3g}"
    if normalizer is None:
        return [f"The targets are not scaled ({found}). Set normalize_target=True, or divide y."]
    if not is_new:
        return [
            f"These targets are far from those of the first training set ({found}, in units of "
            "those), whose scale the network keeps. Fit it anew, on targets like these."
        ]
    if too_flat:
        return [
            f"The targets hardly vary ({found}, after normalization). Subtract what they have in "
            "common, and multiply what is left to numbers of about 1."
        ]
    return []


def on_validation_part(n_rows, missing):
    """A validation part that says little."""
    found = []
    if missing:
        found.append(
            f"The classes {missing} have too few different rows to be in the validation part as "
            "well; they are only trained on. Give X_val and y_val, or more rows of these classes."
        )
    if n_rows < MIN_VALIDATION_ROWS:
        found.append(
            f"The validation part has only {n_rows} rows: when to stop is then a matter of chance. "
            "Raise validation_fraction, give X_val and y_val, or set early_stopping=False."
        )
    return found


def constant_loss(spec, link, data, sample=None):
    """The loss of the best constant prediction: what a network must do better than.

    The constant is that of all rows; its loss is taken on `sample`, by default some of them.
    """
    y, weight, n_outputs = data.of(data.y), data.of(data.weight), spec.n_units[-1]
    best = constant_outputs(link, y, weight, n_outputs)
    sample = data.sample(max(100, SAMPLE // n_outputs)) if sample is None else sample
    y, weight = sample.of(sample.y), sample.of(sample.weight)
    return mean_loss_of_outputs(spec.loss, np.tile(best, (sample.n_rows, 1)), y, weight)


def on_fitted(spec, link, point, data):
    """A network that predicts a constant, or one class, or has dead layers."""
    sample = _some_rows(data, spec.n_units[-1])
    X, y = sample.of(sample.X), sample.of(sample.y)
    with np.errstate(all="ignore"):
        *hidden, z = Predictor(spec, point).layer_outputs(X)
    if not np.isfinite(z).all():
        return ["The outputs of the network overflow on its own training set. Scale the inputs."]
    if sample.n_rows < 2:
        return []
    dead = _on_dead_units(hidden)
    one_class = _on_one_class(link, z, y)
    flat = y.dtype.kind == "f" and link in ("identity", "exp") and _is_flat(z, y)
    constant = constant_loss(spec, link, data, sample)
    outputs = z.astype(np.result_type(z, np.float64))
    loss = mean_loss_of_outputs(spec.loss, outputs, y, sample.of(sample.weight))
    varied = constant > 0 and (y != y[0]).any()  # rounding can make a little of nothing
    if varied and (flat or not loss < constant * (1 - LEARNED)):
        return [
            f"The network learned nothing: its loss on the training set is {loss:.4g}, that of a "
            f"constant prediction {constant:.4g}. Scale the inputs with InputNormalizer(), change "
            "learning_rate_init, raise max_iter, or lower alpha and dropout.",
            *dead,
        ]
    return one_class + dead


def _is_flat(z, y):
    """Whether targets differ and outputs do not: losses other than squares may hide it."""
    return (np.ptp(z, axis=0) < 1e-3 * np.std(y, axis=0)).all()


def _on_dead_units(hidden):
    for number, a in enumerate(hidden, 1):
        dead = (a == a[0]).all(axis=0)
        if 2 * dead.sum() > len(dead):
            return [
                f"{dead.sum()} of the {len(dead)} units of hidden layer {number} are dead: they "
                "give the same output for all rows. Lower learning_rate_init, or use "
                "activation='leaky_relu', batch_norm=True or another init."
            ]
    return []


def _on_one_class(link, z, y):
    if link == "softmax":
        codes, truth = z.argmax(axis=1), y
    elif link == "logistic" and z.shape[1] == 1:
        codes, truth = z.ravel() > 0, y.ravel()
    else:
        return []
    if (codes != codes[0]).any() or (truth == truth[0]).all():
        return []
    share = np.mean(truth == codes[0])
    return [
        f"The network predicts one class only, for all training rows; {share:.0%} of them are of "
        "it. Set class_weight='balanced', or decide by predict_proba with a threshold of your own "
        "(sklearn.model_selection.TunedThresholdClassifierCV)."
    ]
