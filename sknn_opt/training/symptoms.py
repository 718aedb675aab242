"""Why a network does not learn: one table of symptoms, and how a fit recognizes its own.

An entry of `SYMPTOMS` has a limit, a sentence and remedies. `fit` warns by this table, and
`check_signals` judges by it; a test holds the documentation's tables to it.

How the limits that several judges share were chosen:

- *Unscaled inputs.* With inputs of standard deviation s, default classifiers on four data sets lost
  little for s from 0.1 to 10; from 10 on a regressor did worse than the mean of its targets, and at
  0.03 plain gradient descent learned nothing. So 10 is the limit of the rms. A small rms proves
  nothing, since the few ones of a one-hot encoding train well: 0.3 is the limit of the largest
  number. Rare columns that were standardized reach √n, and are no cause for alarm until they are
  1000 times larger than others.
- *Dead units.* Rows that are alike put each unit of relu on one side of 0 for all of them, so that
  half a layer is dead by chance; such networks are "collapsed". Of 96 networks that were trained on
  the digits with learning rates up to far too high ones, two of three with half to three quarters
  of a layer dead fitted them, and one of 27 with more.
"""

from dataclasses import dataclass

import numpy as np
from scipy.sparse import issparse

from sknn_opt.nn.losses import constant_loss, row_losses, weighted_mean
from sknn_opt.nn.predictor import Predictor
from sknn_opt.optim.schedules import runs_its_course

# What to try, as it stands in a sentence after "Try".
NORMALIZE = "InputNormalizer() before the network"
INIT = "init='auto'"
BATCH_NORM = "batch_norm=True"
SLOWER = "a lower learning_rate_init"
LEAKY, RELU, TANH = (f"activation={name!r}" for name in ("leaky_relu", "relu", "tanh"))
FEWER_LAYERS = "fewer layers"


@dataclass(frozen=True)
class Symptom:
    """One way in which a network fails.

    Attributes
    ----------
    name : str
        What it is called in the documentation; `check_signals` uses some as verdicts.
    limit : float or None
        From where on it counts, in the unit of what is measured.
    sentence : str
        What was found, with places for the numbers; it begins in lower case and has no full stop.
    remedies : tuple of str
        What to try, the likeliest first.
    advice : str
        What a fit says after the sentence, with a place for the remedies.
    """

    name: str
    limit: float | None
    sentence: str
    remedies: tuple = ()
    advice: str = "Try {}."

    def say(self, **found):
        """The whole advice of a fit."""
        sentence = self.sentence.format(**found)
        advice = self.advice.format(either(self.remedies)) if self.remedies else self.advice
        return f"{sentence[0].upper()}{sentence[1:]}. {advice}".rstrip()


def either(remedies):
    """A, b, or c."""
    *most, last = remedies
    return f"{', '.join(most)}, or {last}" if most else last


# Of the data ------------------------------------------------------------------------------------

NO_INPUTS = Symptom(
    "inputs of zeros", None, "all features are 0: there is nothing to learn from", advice=""
)
UNSCALED = Symptom(
    "unscaled inputs",
    10.0,  # rms
    "the features are not scaled: {found}",
    (NORMALIZE,),
    "Networks train badly on such inputs; put {}, in a pipeline.",
)
UNSCALED_TARGETS = Symptom(
    "unscaled targets",
    1e3,  # the largest, or 1 / the standard deviation
    "the targets are not scaled ({found})",
    advice="Set normalize_target=True, or divide y.",
)
FOREIGN_TARGETS = Symptom(
    "targets of another scale",
    UNSCALED_TARGETS.limit,
    "these targets are far from those seen before ({found}, in units of all so far)",
    advice="Fit it anew, on targets like these.",
)
FLAT_TARGETS = Symptom(
    "targets that hardly vary",
    UNSCALED_TARGETS.limit,
    "the targets hardly vary ({found}, after normalization)",
    advice="Subtract what they have in common, and multiply what is left to numbers of about 1.",
)
CLASS_NOT_VALIDATED = Symptom(
    "a class missing in validation",
    None,
    "the classes {missing} are only trained on, {why}",
    advice="Give X_val and y_val, or more rows of these classes.",
)
OTHER_SHARE = Symptom(
    "another share than asked for",
    1.5,  # times the share asked for, or its inverse
    "the validation part has {share:.1%} of the rows in place of validation_fraction={fraction:g}: "
    "what must stay together, such as a group or copies of a row, is too large to be divided so",
    advice="Give X_val and y_val, or another validation_fraction.",
)
SMALL_VALIDATION_PART = Symptom(
    "a small validation part",
    10,  # rows
    "the validation part has only {n_rows} rows: when to stop is then a matter of chance",
    advice="Raise validation_fraction, give X_val and y_val, or set early_stopping=False.",
)

PLAN_OVER = Symptom(
    "the end of the plan",
    0.02,  # of the initial learning rate
    "the learning rate has come to the end of its plan after max_iter={max_iter} epochs, and "
    "hardly moves the weights any more",
    advice="Set learning_rate='constant', or raise max_iter.",
)

# Of the way ------------------------------------------------------------------------------------

DIVERGED = Symptom(
    "divergence",
    UNSCALED.limit,  # the rms of the last batch's inputs
    "training diverged in epoch {epoch}: {found}. Likely cause: {cause}. The {kept} are kept",
    advice="",
)
NOT_CONVERGED = Symptom(
    "not converged",
    None,
    "training stopped at max_iter={max_iter} epochs before it converged, that is, before it had "
    "stopped improving by more than tol",
    advice="Raise max_iter, or the learning rate.",
)
LIMIT_REACHED = Symptom(
    "not converged",
    None,
    "L-BFGS stopped at a limit (max_iter={max_iter}, max_fun={max_fun}) before it converged",
    advice="Raise it, or scale the inputs with InputNormalizer().",
)
STUCK = Symptom(
    "stuck",
    None,
    "L-BFGS found no step that lowers the loss from its initial {loss:.3g}: nothing was learned",
    advice="Scale the inputs with InputNormalizer(), and the targets.",
)

# Of a trained network ---------------------------------------------------------------------------

OVERFLOW = Symptom(
    "overflow",
    None,
    "the outputs of the network overflow on its own training set",
    advice="Scale the inputs.",
)
LEARNED_NOTHING = Symptom(
    "nothing learned",
    0.01,  # the share by which its loss must be below that of a constant prediction
    "the network learned nothing: its loss on the training set is {loss:.4g}, that of a constant "
    "prediction {constant:.4g}",
    advice="Scale the inputs with InputNormalizer(), change learning_rate_init, raise max_iter, or "
    "lower alpha and dropout.",
)
ONE_CLASS = Symptom(
    "one class only",
    None,
    "the network predicts one class only, for all training rows; {share:.0%} of them are of it",
    advice="Set class_weight='balanced', or decide by predict_proba with a threshold of your own "
    "(sklearn.model_selection.TunedThresholdClassifierCV).",
)

# Of signals and gradients on their way ----------------------------------------------------------

DEAD = Symptom(
    "dead",
    0.75,  # of the units of a layer
    "{n} of the {n_units} units{where} are dead: they give the same output for all rows",
    (SLOWER, INIT, LEAKY, BATCH_NORM),
)
SATURATED = Symptom(
    "saturated",
    0.9,  # of the activations of a layer
    "{share:.0%} of its activations lie where {activation} is flat{also}",
    (NORMALIZE, SLOWER, INIT, BATCH_NORM, RELU),
)
EXPLODING = Symptom(
    "exploding",
    1e10,  # over all layers
    "{way} are multiplied by {rate:.3g} a layer, and are {total:.0e} {where}",
    (INIT, BATCH_NORM, RELU, FEWER_LAYERS),
)
VANISHING = Symptom("vanishing", 1e-5, EXPLODING.sentence, EXPLODING.remedies)
NOT_FINITE = Symptom(
    "exploding",
    None,
    "its signals overflow",
    ("smaller initial weights", FEWER_LAYERS, NORMALIZE),
)
COLLAPSED = Symptom(
    "collapsed",
    1e-3,  # of what rows have in common
    "its rows differ by {spread:.0e} of what they have in common{also}",
    (INIT, NORMALIZE, BATCH_NORM, FEWER_LAYERS),
)
ONE_DIRECTION = Symptom(
    "collapsed",
    1.15,  # the effective rank: over 93 % of the signal lies in one direction
    "rows become alike: their effective rank is {rank:.2f} of {n_units}, their mean cosine "
    "{cosine:.2f}",
    (BATCH_NORM, FEWER_LAYERS, TANH, INIT),
)
LARGE_STEP = Symptom(
    "a large step",
    0.1,  # of the weights' norm
    "the first step changes its weights by {share:.0%} of their norm",
    (SLOWER,),
)
SYMPTOMS = (
    *(NO_INPUTS, UNSCALED, UNSCALED_TARGETS, FOREIGN_TARGETS, FLAT_TARGETS),
    *(CLASS_NOT_VALIDATED, OTHER_SHARE, SMALL_VALIDATION_PART, PLAN_OVER, DIVERGED),
    *(NOT_CONVERGED, LIMIT_REACHED, STUCK, OVERFLOW, LEARNED_NOTHING),
    *(
        ONE_CLASS,
        DEAD,
        SATURATED,
        EXPLODING,
        VANISHING,
        NOT_FINITE,
        COLLAPSED,
        ONE_DIRECTION,
        LARGE_STEP,
    ),
)

UNEQUAL = 1e3  # the largest feature over the smallest
SMALL = 0.3  # the largest number of all
LONG_ROW = 1024  # numbers
NAMED = 5  # of many classes
FEW_TARGETS = 10
SAMPLE = 2**18  # elements of X that are looked at closely


def on_inputs(X, names=None):
    """Sentences on features that are too large, too small, or too different to be trained on."""
    found = find_unscaled(X, names)
    if found is None:
        return [NO_INPUTS.say()]
    return [UNSCALED.say(found=found)] if found else []


def find_unscaled(X, names=None):
    """What is wrong with the scale of the features, in words; "" if nothing, None if all are 0."""
    low, high = _ranges(X)
    scale = np.maximum(np.abs(low), np.abs(high))
    if not scale.any():
        return None

    def say(column, what, *numbers):
        name = f"feature {column}" if names is None else f"feature {names[column]!r}"
        return f"{name} {what} " + " to ".join(f"{number:.3g}" for number in numbers)

    # Of rare columns that were standardized, a sample may hold the many small values alone.
    largest, smallest = scale.argmax(), np.where(low < high, scale, np.inf).argmin()
    if scale[largest] > UNEQUAL * scale[smallest]:
        goes_up = say(largest, "goes up to", scale[largest])
        return f"{goes_up}, {say(smallest, 'only to', scale[smallest])}"
    if scale[largest] < SMALL:
        return say(largest, "does not go beyond", scale[largest])
    if scale[largest] <= UNSCALED.limit:
        return ""
    n_rows, n_features = X.shape
    n = min(max(SAMPLE // n_features, 100), 2000, n_rows)
    rows = np.linspace(0, n_rows - 1, n).astype(int)
    some = X[rows].data if issparse(X) else X[rows]
    values = some / scale[largest]
    rms = scale[largest] * np.sqrt(np.vdot(values, values) / (n * n_features))
    if rms <= UNSCALED.limit:
        return ""
    middle = abs(low[largest] / 2 + high[largest] / 2)
    if middle / 5 > high[largest] - low[largest]:
        return say(largest, "lies far from 0, at", low[largest], high[largest])
    return say(largest, "goes up to", scale[largest])


def _ranges(X):
    """The smallest and the largest value of each feature.

    NumPy is five times faster with long rows: many short ones are taken as fewer, first.
    """
    if issparse(X):
        return tuple(end(axis=0).toarray().ravel().astype(float) for end in (X.min, X.max))
    (n_rows, n_features), low, high = X.shape, [], []
    group = max(1, LONG_ROW // n_features) if X.flags.c_contiguous else 1
    n_long = n_rows - n_rows % group
    for rows in (X[:n_long].reshape(-1, group * n_features), X[n_long:]):
        if len(rows):
            low.append(rows.min(axis=0).reshape(-1, n_features).min(axis=0))
            high.append(rows.max(axis=0).reshape(-1, n_features).max(axis=0))
    return np.min(low, axis=0).astype(float), np.max(high, axis=0).astype(float)


def on_targets(y, normalizer, is_new):
    """Sentences on targets that, as the network gets them, are of a scale it is not made for.

    `is_new` says that the normalizer, if there is one, was fitted to these very targets. Of others,
    a few may be close to each other by chance.
    """
    if not is_new and len(y) < FEW_TARGETS:
        return []
    low, high = float(y.min()), float(y.max())
    largest = max(abs(low), abs(high))
    spread = float(np.std(y / largest)) * largest if low < high else 0.0
    # In a stream, one target may be absurd.
    size = largest if is_new else float(np.median(np.abs(y)))
    too_large = size > UNSCALED_TARGETS.limit
    too_flat = spread < 1 / UNSCALED_TARGETS.limit and low < high
    if not (too_large or too_flat):
        return []
    found = f"from {low:.3g} to {high:.3g}, with a standard deviation of {spread:.3g}"
    if normalizer is None:
        return [UNSCALED_TARGETS.say(found=found)]
    if not is_new:
        return [FOREIGN_TARGETS.say(found=found)]
    return [FLAT_TARGETS.say(found=found)] if too_flat else []


def on_plan(schedule, time):
    """Sentences on a learning rate that has come to the end of its plan."""
    if not schedule or not runs_its_course(schedule) or time.epoch < time.max_iter:
        return []
    if schedule(time) > PLAN_OVER.limit * time.initial_rate:
        return []
    return [PLAN_OVER.say(max_iter=time.max_iter)]


def on_divergence(epoch, loss, kept, batch, rate):
    """The sentence on a loss that is no longer finite after a batch, with its likely cause."""
    X, y, _ = batch
    X = X.data if issparse(X) else X
    with np.errstate(all="ignore"):
        rms = np.sqrt(np.mean(np.square(X, dtype=np.float64))) if X.size else 0.0
    largest = [float(np.abs(array).max(initial=0)) for array in (X, y)]
    if not rms <= DIVERGED.limit:
        cause = f"the inputs are not scaled (one is {largest[0]:.3g} in {X.dtype}); put {NORMALIZE}"
    elif y.dtype.kind == "f" and not largest[1] <= UNSCALED_TARGETS.limit:
        cause = (
            f"the targets are not scaled (one is {largest[1]:.3g} in {y.dtype}); "
            "set normalize_target=True, or divide y by its standard deviation"
        )
    else:
        cause = f"learning_rate_init={rate:g} is too large; lower it, or set max_grad_norm=1"
    return DIVERGED.say(epoch=epoch, found=f"the loss became {loss}", cause=cause, kept=kept)


def on_validation_part(n_rows, missing, why, share, fraction):
    """Sentences on a validation part that says little, or has another share than asked for."""
    found = []
    if missing:
        more = [f"{len(missing) - NAMED} more"] if len(missing) > NAMED else []
        names = ", ".join([*map(repr, missing[:NAMED]), *more])
        found.append(CLASS_NOT_VALIDATED.say(missing=names, why=why))
    if n_rows < SMALL_VALIDATION_PART.limit:
        return [*found, SMALL_VALIDATION_PART.say(n_rows=n_rows)]
    if fraction and not fraction / OTHER_SHARE.limit <= share <= fraction * OTHER_SHARE.limit:
        found.append(OTHER_SHARE.say(share=share, fraction=fraction))
    return found


def on_fitted(architecture, weights, rows):
    """Sentences on a network that predicts a constant, or one class, or has dead layers."""
    link = architecture.loss.link
    # So few rows that a wide X is not copied, nor many outputs made.
    widest = max(architecture.n_units[0], architecture.n_units[-1])
    sample = rows.sample(min(max(SAMPLE // widest, 100), 2000))
    X, y, weight = sample.of(sample.X), sample.of(sample.y), sample.of(sample.weight)
    everything = rows.of(rows.y), rows.of(rows.weight)
    with np.errstate(all="ignore"):
        *hidden, z = Predictor(architecture, weights).layer_outputs(X)
    if not np.isfinite(z).all():
        return [OVERFLOW.say()]
    if sample.n_rows < 2:
        return []
    found = []
    for number, a in enumerate(hidden, 1):
        n_units, n = a.shape[1], np.count_nonzero((a == a[0]).all(axis=0))
        if n >= DEAD.limit * n_units:
            found = [DEAD.say(n=n, n_units=n_units, where=f" of hidden layer {number}")]
            break
    # Losses other than squares may hide that targets differ and outputs do not.
    flat = y.dtype.kind == "f" and link in ("identity", "exp")
    flat = flat and (np.ptp(z, axis=0) < 1e-3 * np.std(y, axis=0)).all()
    constant = constant_loss(architecture.loss, architecture.n_units[-1], *everything, (y, weight))
    losses = row_losses(architecture.loss, z.astype(np.result_type(z, np.float64)), y)  # a copy
    loss = weighted_mean(losses, weight)
    varied = constant > 0 and (y != y[0]).any()  # rounding can make a little of nothing
    if varied and (flat or not loss < constant * (1 - LEARNED_NOTHING.limit)):
        return [LEARNED_NOTHING.say(loss=loss, constant=constant), *found]
    return _on_one_class(link, z, y) + found


def _on_one_class(link, z, y):
    """Classes differ and predictions do not."""
    if link == "softmax":
        codes, truth = z.argmax(axis=1), y
    elif link == "logistic" and z.shape[1] == 1:
        codes, truth = z.ravel() > 0, y.ravel()
    else:
        return []
    if (codes != codes[0]).any() or (truth == truth[0]).all():
        return []
    return [ONE_CLASS.say(share=np.mean(truth == codes[0]))]
