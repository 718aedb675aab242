"""Why a network does not learn: one table of symptoms, and how a fit recognizes its own.

An entry of `SYMPTOMS` has a limit, a sentence and remedies. `fit` warns by this table, and
`check_signals` judges by it; a test holds the documentation's tables to it.

How the limits that several judges share were chosen:

- *Unscaled inputs.* With inputs of standard deviation s, default classifiers on four data sets lost
  little for s from 0.1 to 10; from 10 on a regressor did worse than the mean of its targets, and at
  0.03 plain gradient descent learned nothing. So 10 is the limit of the rms. A small rms proves
  nothing, since the few ones of a one-hot encoding train well: 0.3 is the limit of the largest
  number. Rare columns that were standardized reach √n, and are no cause for alarm until they are
  1000 times larger than others and beyond 0.01 to 100. On 17 data sets, scaled in five ways and
  sampled 1,700 times, 16 alarms were left: constants of 1e-18, and rare columns of a small sample.
  On 16 others there was none in 1,600.
- *Outliers.* A few values (5 %) farther from the median than 1000 robust deviations, and 300 times
  farther than all others. Heavy tails have no such gap: of tables of 5 to 8 columns of Cauchy
  numbers 1 % are named, of real numbers none of the same 1,600.
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
from sknn_opt.training import remedies
from sknn_opt.training.outliers import FAR, NORMAL_RANGE, is_apart, without_far_targets
from sknn_opt.training.rows import ranges


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

    def say(self, traits=None, **found):
        """The whole advice of a fit; with traits, the remedies that are left to the network."""
        advice = self.advice
        if self.remedies:
            left = traits.choose(self.remedies) if traits else remedies.either(self.remedies)
            advice = advice.format(left)
        sentence = self.sentence.format(**found)
        return f"{sentence[0].upper()}{sentence[1:]}. {advice}".rstrip()

    def tell(self, traits=None, **found):
        """The same within a sentence."""
        said = self.say(traits, **found).replace("..", ".")
        return said[0].lower() + said[1:]


# Of the data ------------------------------------------------------------------------------------

NO_INPUTS = Symptom(
    "inputs of zeros", None, "all features are 0: there is nothing to learn from", advice=""
)
EQUAL_ROWS = Symptom(
    "rows that are equal",
    None,
    "all rows of X are equal: there is nothing to learn from",
    advice="",
)
OUTLIERS = Symptom(
    "outliers in X",
    FAR,  # robust deviations
    "a few values lie far from all others: {found}",
    (remedies.CLIP_INPUTS,),
    "They drown the others; correct them, or put {}, in a pipeline.",
)
UNSCALED = Symptom(
    "unscaled inputs",
    10.0,  # rms
    "the features are not scaled: {found}",
    (remedies.NORMALIZE,),
    "Networks train badly on such inputs; put {}, in a pipeline.",
)
UNSCALED_TARGETS = Symptom(
    "unscaled targets",
    1e3,  # the largest, or 1 / the standard deviation
    "the targets are not scaled ({found})",
    advice="Set normalize_target=True, or divide y.",
)
ONE_HOT = Symptom(
    "one-hot targets",
    None,
    "each row of y has a single 1, as one-hot classes have, and y was taken for {n} labels, of "
    "which a row may have several or none",
    advice="If each row has one class, pass y.argmax(axis=1).",
)
FOREIGN_TARGETS = Symptom(
    "targets of another scale",
    UNSCALED_TARGETS.limit,
    "these targets are on another scale than those seen before ({found}, in units of all so far)",
    advice="Look for a wrong unit in these rows, or an outlier in those before; if the change is "
    "real, the scale follows it.",
)
FLAT_TARGETS = Symptom(
    "targets that hardly vary",
    UNSCALED_TARGETS.limit,
    "the targets hardly vary ({found}, after normalization)",
    advice="Subtract what they have in common, and multiply what is left to numbers of about 1.",
)
FAR_TARGETS = Symptom(
    "outliers in y",
    None,
    "a few targets lie far from all others: one is {farthest:.3g}, half of them lie within "
    "{low:.3g} to {high:.3g}",
    ("loss='huber'", "loss='absolute_error'"),
    "Squared errors see nothing else; correct them, or try {}.",
)
VALIDATION_SCALE = Symptom(
    "X_val on another scale",
    0.25,  # of the features
    "X_val is on another scale than X in {n} of {n_features} features: {name} goes from {low:.3g} "
    "to {high:.3g} in X, and its median in X_val is {place:.3g}",
    advice="Did it skip the steps before the network? Use Pipeline(..., transform_input=['X_val']) "
    "with metadata routing, or pass X_val transformed like X.",
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
LARGE_RATE = Symptom(
    "a learning rate that is too high",
    None,
    "the learning rate of {rate:g} is too large",
    (remedies.SLOWER, remedies.CLIP_GRADIENT),
)
LARGE_WEIGHTS = Symptom(
    "initial weights that are too large",
    None,
    "the initial weights are too large",
    (remedies.INIT, remedies.BATCH_NORM, remedies.FEWER_LAYERS),
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
    advice="Raise it.",
)
STUCK = Symptom(
    "stuck",
    None,
    "L-BFGS found no step that lowers the loss from its initial {loss:.3g}",
    advice="",
)

# Of a trained network ---------------------------------------------------------------------------

OVERFLOW = Symptom(
    "overflow", None, "the outputs of the network overflow on its own training set", advice=""
)
LEARNED_NOTHING = Symptom(
    "nothing learned",
    0.01,  # the share by which its loss must be below that of a constant prediction
    "the network learned nothing: its loss on the training set is {loss:.4g}, that of a constant "
    "prediction {constant:.4g}",
    advice="",
)
HIGH_LOSS = Symptom(
    "a high loss",
    0.9,  # of the errors of a constant prediction: with fewer, it did learn
    "the network predicts {share:.1%} of the training rows correctly, but its probabilities are "
    "poor: its loss is {loss:.4g}, that of a constant prediction {constant:.4g}",
    advice="",
)

# Why it learned nothing --------------------------------------------------------------------------

BAD_SIGNALS = Symptom(
    "bad signals", None, "with the {which} weights its signals are {verdict}: {finding}", advice=""
)
PENALTY = Symptom(
    "a large penalty",
    None,
    "alpha={alpha:g} makes the penalty of the initial weights {penalty:.3g}, more than the loss of "
    "{loss:.3g}",
    ("a lower alpha",),
)
DECAY = Symptom(
    "a large decay",
    None,
    "weight_decay={decay:g} shrinks the weights faster than they can grow",
    ("a lower weight_decay",),
)
DROPOUT = Symptom(
    "much dropout",
    0.5,
    "dropout leaves out {rate:.0%} of the units of a layer",
    ("a lower dropout",),
)
TOO_SLOW = Symptom(
    "steps too small",
    0.03,  # of the norm of a weight matrix
    "the steps are too small (n_iter_={n}): no weight matrix moved by more than {share:.1g} of its "
    "size",
    (remedies.FASTER,),
)
TOO_SHORT = Symptom(
    "steps too few",
    1e-3,  # the least; with smaller steps, more of them do not help
    "training was too short (n_iter_={n}): no weight matrix moved by more than {share:.1g} of its "
    "size",
    (remedies.LONGER, remedies.FASTER),
)
TOO_FAST = Symptom(
    "steps too large",
    10.0,
    "the steps are too large: a weight matrix moved by {share:.1g} times its size",
    (remedies.SLOWER, remedies.CLIP_GRADIENT),
)
ONLY_TRAINING = Symptom(
    "only the training rows learned",
    None,
    "the loss of the training rows fell to {loss:.3g}, but that of the validation set was at its "
    "best in epoch {epoch}",
    advice="See whether both hold rows of the same kind; else y may not depend on X.",
)
STILL_FALLING = Symptom(
    "a loss that still falls",
    None,
    "the loss still fell when training stopped after {n} epochs, at {loss:.4g}",
    (remedies.LONGER, remedies.FASTER),
)
STOPPED_EARLY = Symptom(
    "stopped early",
    None,
    STILL_FALLING.sentence + ", but too slowly to go on",
    (remedies.FASTER, remedies.LOWER_TOL, "a higher n_iter_no_change"),
)
UNRELATED = Symptom(
    "nothing to learn",
    None,
    "y may not depend on X: nothing is wrong with the inputs, signals, penalty or steps",
    advice="If it does, more rows, other features or more hidden units may show it.",
)
ONE_CLASS = Symptom(
    "one class only",
    None,
    "the network predicts one class only, for all training rows; {share:.0%} of them are of it",
    (
        remedies.BALANCE,
        "a threshold of your own on predict_proba (sklearn.model_selection."
        "TunedThresholdClassifierCV)",
    ),
)

# Of signals and gradients on their way ----------------------------------------------------------

DEAD = Symptom(
    "dead",
    0.75,  # of the units of a layer
    "{n} of the {n_units} units{where} are dead: they give the same output for all rows",
    (remedies.SLOWER, remedies.INIT, remedies.LEAKY, remedies.BATCH_NORM),
)
SATURATED = Symptom(
    "saturated",
    0.9,  # of the activations of a layer
    "{share:.0%} of its activations lie where {activation} is flat{also}",
    (remedies.NORMALIZE, remedies.SLOWER, remedies.INIT, remedies.BATCH_NORM, remedies.RELU),
)
EXPLODING = Symptom(
    "exploding",
    1e10,  # over all layers
    "{way} are multiplied by {rate:.3g} a layer, and are {total:.0e} {where}",
    (remedies.INIT, remedies.BATCH_NORM, remedies.RELU, remedies.FEWER_LAYERS),
)
VANISHING = Symptom("vanishing", 1e-5, EXPLODING.sentence, EXPLODING.remedies)
NOT_FINITE = Symptom(
    "exploding",
    None,
    "its signals overflow",
    ("smaller initial weights", remedies.FEWER_LAYERS, remedies.NORMALIZE),
)
COLLAPSED = Symptom(
    "collapsed",
    1e-3,  # of what rows have in common
    "its rows differ by {spread:.0e} of what they have in common{also}",
    (remedies.INIT, remedies.NORMALIZE, remedies.BATCH_NORM, remedies.FEWER_LAYERS),
)
ONE_DIRECTION = Symptom(
    "collapsed",
    1.15,  # the effective rank: over 93 % of the signal lies in one direction
    "rows become alike: their effective rank is {rank:.2f} of {n_units}, their mean cosine "
    "{cosine:.2f}",
    (remedies.BATCH_NORM, remedies.FEWER_LAYERS, remedies.TANH, remedies.INIT),
)
ENDED = Symptom("vanishing", None, "no {way} come through: they are 0 {where}", EXPLODING.remedies)
DIFFERENT = (remedies.INIT, remedies.LESS_PENALTY)
ZERO = Symptom("zero weights", None, "its weights are all 0{also}", DIFFERENT)
EQUAL = Symptom(
    "equal weights", None, "its {n_units} units have equal weights, and remain equal", DIFFERENT
)
STEP = "the first step changes its weights by {share:.0%} of their norm"
UNSTABLE = Symptom(
    "exploding",
    10.0,  # times the loss before: of 64 trained networks, none with more learned
    STEP + ", and multiplies the loss by {growth:.2g}",
    (remedies.SLOWER, remedies.INIT, remedies.CLIP_GRADIENT, remedies.BATCH_NORM),
)
LARGE_STEP = Symptom(
    "a large step",
    0.1,  # of the weights' norm
    STEP,
    (remedies.SLOWER,),
)
SYMPTOMS = tuple(each for each in list(globals().values()) if isinstance(each, Symptom))

CAUSE = "Likely cause"
UNEQUAL = 1e3  # the largest feature over the smallest
SMALL = 0.3  # the largest number of all
MANY = 20  # rows that have quartiles
SAMPLE = 2**18  # elements of X that are looked at closely


def on_inputs(X, names=None):
    """Sentences on features that are too large, too small, or too different to be trained on."""
    symptom, found = judge_inputs(X, names)
    if symptom is UNSCALED and issparse(X):
        return [symptom.say(remedies.Traits("", sparse=True), found=found)]
    return [symptom.say(found=found)] if symptom else []


def judge_inputs(X, names=None):
    """(symptom, what was found in words) of the scale of the features; (None, "") if all is well.

    Columns with a median of about 0 and a quartile range of about 1, as a robust scaler makes them,
    count as scaled, whatever their tails.
    """
    (n_rows, n_features), (low, high) = X.shape, ranges(X)
    scale = np.maximum(np.abs(low), np.abs(high))
    if not scale.any():
        return NO_INPUTS, ""
    if n_rows > 1 and (low == high).all():
        return EQUAL_ROWS, ""

    def say(column, what, *numbers):
        name = f"feature {column}" if names is None else f"feature {names[column]!r}"
        return f"{name} {what} " + " to ".join(f"{number:.3g}" for number in numbers)

    n = min(max(SAMPLE // n_features, 100), 2000, n_rows)
    some = X[np.linspace(0, n_rows - 1, n).astype(int)]
    robust = np.zeros(n_features, bool)
    if not issparse(X) and n >= MANY:
        q1, median, q3 = quartiles = np.quantile(some, (0.25, 0.5, 0.75), axis=0)
        reach = np.maximum(high - median, median - low)
        beyond = reach > OUTLIERS.limit * (q3 - q1) / NORMAL_RANGE
        for column in np.flatnonzero(beyond & (q3 > q1)):
            if is_apart(X[:, column], *quartiles[:, column]):
                found = f"{say(column, 'goes up to', scale[column])}, half of its values lie within"
                return OUTLIERS, f"{found} {q1[column]:.3g} to {q3[column]:.3g}"
        robust = (np.abs(median) < 0.5) & (q3 - q1 > 0.5) & (q3 - q1 < 2)
        scale = np.where(robust, np.minimum(scale, 1.0), scale)
    # A standardized column of n rows may reach √n, and of a rare one a sample may hold nothing but
    # the many values of 1 / √n.
    largest, smallest = scale.argmax(), np.where(low < high, scale, np.inf).argmin()
    both_near_1 = scale[largest] <= 100 and scale[smallest] >= 0.01
    if scale[largest] > UNEQUAL * scale[smallest] and not both_near_1:
        goes_up = say(largest, "goes up to", scale[largest])
        return UNSCALED, f"{goes_up}, {say(smallest, 'only to', scale[smallest])}"
    if scale[largest] < SMALL:
        return UNSCALED, say(largest, "does not go beyond", scale[largest])
    if scale[largest] <= UNSCALED.limit:
        return None, ""
    values = (some.data if issparse(X) else some[:, ~robust]) / scale[largest]
    rms = scale[largest] * np.sqrt(np.vdot(values, values) / (n * n_features))
    if rms <= UNSCALED.limit:
        return None, ""
    middle = abs(low[largest] / 2 + high[largest] / 2)
    if middle / 5 > high[largest] - low[largest]:
        return UNSCALED, say(largest, "lies far from 0, at", low[largest], high[largest])
    return UNSCALED, say(largest, "goes up to", scale[largest])


def on_fitted(architecture, weights, rows, case=None):
    """Sentences on a network that predicts a constant, or one class, or has dead layers.

    `case`, if given, knows the likeliest cause where it learned nothing, and which remedies are
    left.
    """
    link = architecture.loss.link
    # So few rows that a wide X is not copied, nor many outputs made.
    widest = max(architecture.n_units[0], architecture.n_units[-1])
    sample = rows.sample(min(max(SAMPLE // widest, 100), 2000))
    if architecture.loss.normalizes == "median and quartiles":
        sample = without_far_targets(sample)
    X, y, weight = sample.of(sample.X), sample.of(sample.y), sample.of(sample.weight)
    everything = rows.of(rows.y), rows.of(rows.weight)
    constant = constant_loss(architecture.loss, architecture.n_units[-1], *everything, (y, weight))
    with np.errstate(all="ignore"):
        *hidden, z = Predictor(architecture, weights).layer_outputs(X)
    if not np.isfinite(z).all():
        return [_with_cause(OVERFLOW.say(), case, constant)]
    if sample.n_rows < 2:
        return []
    dead = []
    for number, a in enumerate(hidden, 1):
        n_units, n = a.shape[1], np.count_nonzero((a == a[0]).all(axis=0))
        if n >= DEAD.limit * n_units:
            where = f" of hidden layer {number}"
            dead = [DEAD.say(case and case.traits, n=n, n_units=n_units, where=where)]
            break
    # Losses other than squares may hide that targets differ and outputs do not.
    flat = y.dtype.kind == "f" and link in ("identity", "exp")
    flat = flat and (np.ptp(z, axis=0) < 1e-3 * np.std(y, axis=0)).all()
    losses = row_losses(architecture.loss, z.astype(np.result_type(z, np.float64)), y)  # a copy
    loss = weighted_mean(losses, weight)
    codes, truth = z.argmax(axis=1) if link == "softmax" else None, y.ravel()
    if link == "logistic" and z.shape[1] == 1:
        codes = z.ravel() > 0
    varied = constant > 0 and (y != y[0]).any()  # rounding can make a little of nothing
    if varied and (flat or not loss < constant * (1 - LEARNED_NOTHING.limit)):
        said = _with_cause(_on_loss(codes, truth, loss, constant), case, constant)
        # Units are no cause, unless the steps killed them.
        return [said, *(dead if not case or remedies.SLOWER in said else [])]
    if codes is None or (codes != codes[0]).any() or (truth == truth[0]).all():
        return dead
    return [ONE_CLASS.say(case and case.traits, share=np.mean(truth == codes[0])), *dead]


def _with_cause(said, case, constant):
    return f"{said} {CAUSE}: {case.likely_cause(constant)}" if case else said


def _on_loss(codes, truth, loss, constant):
    """A loss no better than that of a constant says little of a classifier that decides well."""
    if codes is not None:
        errors, majority = np.mean(codes != truth), np.bincount(truth.astype(int)).max()
        if errors < HIGH_LOSS.limit * (1 - majority / len(truth)):
            return HIGH_LOSS.say(share=1 - errors, loss=loss, constant=constant)
    return LEARNED_NOTHING.say(loss=loss, constant=constant)
