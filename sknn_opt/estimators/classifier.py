"""The classifier: class labels to codes, raw outputs to probabilities."""

from numbers import Real
from typing import ClassVar

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.utils.metaestimators import available_if

from sknn_opt._sklearn import Interval, StrOptions
from sknn_opt.estimators.base import BaseMLP, takes_minibatches
from sknn_opt.estimators.parameters import CONSTRAINTS, document
from sknn_opt.estimators.targets import ClassTargets
from sknn_opt.nn.losses import LINKS, LOG_LINKS, Loss

# Logarithms of probabilities are told apart down to this multiple of the smallest number's.
MAX_UNDERFLOW = 7
# The smallest probability that is left as it is, with room below it, and the largest.
PROBABILITIES = {
    np.dtype(dtype): (8 * np.finfo(dtype).tiny, np.nextafter(dtype(1), dtype(0)))
    for dtype in (np.float32, np.float64)
}


class MLPClassifier(ClassifierMixin, ClassTargets, BaseMLP):
    __doc__ = document("""Multi-layer perceptron classifier.

    Softmax with cross entropy for several classes, logistic with binary cross entropy for two
    classes and for each label of a multilabel problem. ``hidden_layer_sizes=()`` is softmax or
    logistic regression.

    It takes every parameter of `sklearn.neural_network.MLPClassifier` under the same name, all
    but the first by keyword.

    Parameters
    ----------
    hidden_layer_sizes : int or array-like of int of shape (n_hidden_layers,), default=(100,)
        Units of each hidden layer.

    loss : 'log_loss' or Loss, default='log_loss'
        The cross entropy, or a `Loss` of your own. Its ``link`` says what it takes: class codes
        and one output for each class with 'softmax', 0 and 1 with 'logistic', for two classes or
        several labels.

    label_smoothing : float, default=0.0
        ε in [0, 1): the network is asked for the probability 1 - ε + ε / K of the right one of K
        classes, and ε / K of the others. Only 'log_loss' knows it.

    class_weight : dict, list of dict or 'balanced', default=None
        Factors for the weights of the rows of each class, {{class: factor}} with 1 for those that
        are not named; for several labels a list of one dict each, whose factors are multiplied.
        'balanced' gives all classes the same weight in the sum; in partial_fit, over
        all rows that have come so far.

{parameters}

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The class labels; for multilabel problems the numbers of the labels.

{attributes}

    See Also
    --------
    MLPRegressor : The same for real targets.
    InputNormalizer : Brings the inputs to mean 0 and variance 1.

    Notes
    -----
{notes}

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.model_selection import train_test_split
    >>> from sklearn.pipeline import make_pipeline
    >>> from sknn_opt import InputNormalizer, MLPClassifier
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
    >>> clf = make_pipeline(
    ...     InputNormalizer(), MLPClassifier(dropout=0.2, tol=1e-3, random_state=0)
    ... )
    >>> bool(clf.fit(X_train, y_train).score(X_test, y_test) > 0.95)
    True
    """)

    _parameter_constraints: ClassVar[dict] = CONSTRAINTS | {
        "loss": [StrOptions({"log_loss"}), Loss],
        "label_smoothing": [Interval(Real, 0, 1, closed="left")],
        "class_weight": [dict, list, StrOptions({"balanced"}), None],
    }

    def __init__(
        self,
        hidden_layer_sizes=(100,),
        *,
        loss="log_loss",
        label_smoothing=0.0,
        class_weight=None,
        activation="relu",
        init="auto",
        dropout=0.0,
        input_dropout=0.0,
        batch_norm=False,
        batch_norm_momentum=0.9,
        solver="adam",
        alpha=0.0001,
        weight_decay=0.01,
        batch_size="auto",
        learning_rate="constant",
        learning_rate_init=0.001,
        power_t=0.5,
        warmup_epochs=0,
        max_grad_norm=None,
        average=0.0,
        max_iter=200,
        shuffle=True,
        random_state=None,
        tol=1e-4,
        verbose=False,
        warm_start=False,
        momentum=0.9,
        nesterovs_momentum=True,
        early_stopping=False,
        scoring="loss",
        validation_fraction=0.1,
        beta_1=0.9,
        beta_2=0.999,
        epsilon=1e-8,
        n_iter_no_change=10,
        max_fun=15000,
        dtype="auto",
    ):
        self.hidden_layer_sizes = hidden_layer_sizes
        self.loss = loss
        self.label_smoothing = label_smoothing
        self.class_weight = class_weight
        self.activation = activation
        self.init = init
        self.dropout = dropout
        self.input_dropout = input_dropout
        self.batch_norm = batch_norm
        self.batch_norm_momentum = batch_norm_momentum
        self.solver = solver
        self.alpha = alpha
        self.weight_decay = weight_decay
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.learning_rate_init = learning_rate_init
        self.power_t = power_t
        self.warmup_epochs = warmup_epochs
        self.max_grad_norm = max_grad_norm
        self.average = average
        self.max_iter = max_iter
        self.shuffle = shuffle
        self.random_state = random_state
        self.tol = tol
        self.verbose = verbose
        self.warm_start = warm_start
        self.momentum = momentum
        self.nesterovs_momentum = nesterovs_momentum
        self.early_stopping = early_stopping
        self.scoring = scoring
        self.validation_fraction = validation_fraction
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.n_iter_no_change = n_iter_no_change
        self.max_fun = max_fun
        self.dtype = dtype

    @available_if(takes_minibatches)
    def partial_fit(self, X, y, sample_weight=None, classes=None):
        """Train for one epoch on these rows, from where the last call, or fit, ended.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The inputs.
        y : array-like of shape (n_samples,) or (n_samples, n_labels)
            The class labels, or a label indicator matrix.
        sample_weight : array-like of shape (n_samples,), default=None
            How much each row counts, on the same scale in every call.
        classes : array-like of shape (n_classes,), default=None
            All classes that will ever come; needed in the first call unless y is multilabel.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If y has a class that was never announced, or the data cannot be used. The estimator is
            then as it was before.
        """
        return self._partial_fit(X, y, sample_weight, classes)

    def predict(self, X):
        """Predict the most probable class, or for multilabel problems each label's 0 or 1.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The inputs.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_labels)
        """

        def decide(z):
            codes = _predicted_codes(z, self.out_activation_)
            return self.classes_[codes] if codes.ndim == 1 else codes

        return self._outputs(X, decide)

    def predict_proba(self, X):
        """The probability of each class (of several labels: of each label being 1).

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The inputs.

        Returns
        -------
        ndarray of shape (n_samples, n_classes) or (n_samples, n_labels)
            In the order of ``classes_``. Strictly between 0 and 1, and in the order of their
            logarithms, unless there is but one class: rounding never makes an outcome certain.
        """
        return self._outputs(X, self._probabilities)

    def predict_log_proba(self, X):
        """The logarithm of the probabilities, finite also where these round to 0.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The inputs.

        Returns
        -------
        ndarray of shape (n_samples, n_classes) or (n_samples, n_labels)
            In the order of ``classes_``; not below -4945 (-597 in float32).
        """
        return self._outputs(X, lambda z: self._logarithms(self._by_class(z)))

    def decision_function(self, X):
        """The raw outputs of the network, before softmax or the logistic function.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The inputs.

        Returns
        -------
        ndarray of shape (n_samples,) for two classes, else (n_samples, n_outputs)
        """
        return self._outputs(X, self._decision)

    def _decision(self, z):
        if self.out_activation_ == "softmax" and len(self.classes_) == 2:
            return z[:, 1] - z[:, 0]  # a loss of the user's
        return z.ravel() if z.shape[1] == 1 and self.out_activation_ == "logistic" else z

    def _by_class(self, z):
        """Raw outputs with a column for each class; σ(-z) is 1 - σ(z) without rounding error."""
        return np.hstack([-z, z]) if self.n_outputs_ == 1 and len(self.classes_) == 2 else z

    def _probabilities(self, z):
        """Strictly inside (0, 1), in the order of their logarithms.

        Rankings, and log-losses of a single row, then do not break down on a saturated network.
        """
        z = self._by_class(z)
        proba = LINKS[self.out_activation_](z)
        if len(self.classes_) == 1:
            return proba
        smallest, below_one = PROBABILITIES[proba.dtype]
        if proba.min(initial=1) < smallest:
            lost = proba < smallest
            # A falling function of -log p with values in [smallest / MAX_UNDERFLOW, smallest].
            proba[lost] = smallest * (np.log(smallest) / self._logarithms(z)[lost])
        return np.minimum(proba, below_one, out=proba)

    def _logarithms(self, z):
        log_proba = LOG_LINKS[self.out_activation_](z)
        least = MAX_UNDERFLOW * np.log(PROBABILITIES[z.dtype][0])
        return np.maximum(log_proba, least, out=log_proba)


def _predicted_codes(z, link):
    """Class codes of shape (n,), or 0 and 1 of shape (n, n_labels), from raw outputs."""
    if link == "softmax":
        return z.argmax(axis=1)
    codes = (z > 0).astype(int)
    return codes.ravel() if z.shape[1] == 1 else codes
