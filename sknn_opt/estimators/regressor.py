"""The regressor: real targets, one column or several."""

from typing import ClassVar

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.metrics import r2_score
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import column_or_1d

from sknn_opt._sklearn import StrOptions
from sknn_opt.estimators._base import BaseMLP, takes_minibatches
from sknn_opt.estimators._parameters import CONSTRAINTS, document
from sknn_opt.nn.losses import LINKS, LOSSES

REGRESSION_LOSSES = ("squared_error", "poisson")


class MLPRegressor(RegressorMixin, BaseMLP):
    __doc__ = document("""Multi-layer perceptron regressor.

    Half the squared error, summed over the outputs, or half the Poisson deviance of counts.
    ``hidden_layer_sizes=()`` is linear or Poisson regression.

    It takes every parameter of `sklearn.neural_network.MLPRegressor` under the same name, all but
    the first by keyword.

    Parameters
    ----------
    hidden_layer_sizes : int or array-like of int of shape (n_hidden_layers,), default=(100,)
        Units of each hidden layer.

    loss : {{'squared_error', 'poisson'}}, default='squared_error'
        ℓ(z, y) is (z - y)² / 2 for 'squared_error', with predictions z, and
        e^z - y z + y log y - y for 'poisson', with predictions e^z and targets y >= 0.

{parameters}

    Attributes
    ----------
{attributes}

    See Also
    --------
    MLPClassifier : The same for classes.
    InputNormalizer : Brings the inputs to mean 0 and variance 1.

    Notes
    -----
{notes}

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.model_selection import train_test_split
    >>> from sklearn.pipeline import make_pipeline
    >>> from sknn_opt import InputNormalizer, MLPRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
    >>> reg = make_pipeline(
    ...     InputNormalizer(),
    ...     MLPRegressor((30,), activation="tanh", solver="lbfgs", alpha=1000, random_state=0),
    ... )
    >>> bool(reg.fit(X_train, y_train).score(X_test, y_test) > 0.3)
    True
    """)

    _parameter_constraints: ClassVar[dict] = CONSTRAINTS | {
        "loss": [StrOptions(set(REGRESSION_LOSSES))]
    }
    _y_numeric = True

    def __init__(
        self,
        hidden_layer_sizes=(100,),
        *,
        loss="squared_error",
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
        max_iter=200,
        shuffle=True,
        random_state=None,
        tol=1e-4,
        verbose=False,
        warm_start=False,
        momentum=0.9,
        nesterovs_momentum=True,
        early_stopping=False,
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
        self.max_iter = max_iter
        self.shuffle = shuffle
        self.random_state = random_state
        self.tol = tol
        self.verbose = verbose
        self.warm_start = warm_start
        self.momentum = momentum
        self.nesterovs_momentum = nesterovs_momentum
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.n_iter_no_change = n_iter_no_change
        self.max_fun = max_fun
        self.dtype = dtype

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        tags.target_tags.positive_only = self.loss == "poisson"
        return tags

    @available_if(takes_minibatches)
    def partial_fit(self, X, y, sample_weight=None):
        """Train for one epoch on these rows, from where the last call, or fit, ended.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The inputs.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            The targets.
        sample_weight : array-like of shape (n_samples,), default=None
            How much each row counts, on the same scale in every call.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If the data cannot be used. The estimator is then as it was before.
        """
        return self._partial_fit(X, y, sample_weight)

    def predict(self, X):
        """Predict the targets.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The inputs.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_outputs)
        """
        z = self._raw_outputs(X)
        y = LINKS[self.out_activation_](z)
        return y.ravel() if self.n_outputs_ == 1 else y

    def _encode(self, y, *, reset, classes=None):
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        if self.loss == "poisson" and y.min() < 0:
            raise ValueError(
                f"loss='poisson' needs targets y >= 0, such as counts; found {y.min():g}. "
                "Use loss='squared_error' for targets of either sign."
            )
        y = y if y.dtype == np.float32 else y.astype(np.float64, copy=False)
        return y[:, np.newaxis] if y.ndim == 1 else y

    def _loss_and_outputs(self, y):
        return self.loss, y.shape[1]

    def _strata(self, y):
        return np.zeros(len(y), int), 2  # R² needs two rows

    def _score_raw(self, y, z, weight):
        """R² of the predictions."""
        y_pred = LINKS[LOSSES[self.loss].link](z)
        if not np.isfinite(y_pred).all():
            return -np.inf
        return r2_score(y, y_pred, sample_weight=weight)
