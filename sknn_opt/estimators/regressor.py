"""The regressor: real targets, one column or several."""

from numbers import Real
from typing import ClassVar

from sklearn.base import RegressorMixin
from sklearn.utils.metaestimators import available_if

from sknn_opt._sklearn import Interval, StrOptions
from sknn_opt.estimators.base import BaseMLP, takes_minibatches
from sknn_opt.estimators.parameters import CONSTRAINTS, document
from sknn_opt.estimators.targets import REGRESSION_LOSSES, AmountTargets
from sknn_opt.nn.losses import LINKS, Loss


class MLPRegressor(RegressorMixin, AmountTargets, BaseMLP):
    __doc__ = document(
        """Multi-layer perceptron regressor.

    It predicts the mean of the targets, their median or another quantile, with a choice of losses.
    ``hidden_layer_sizes=()`` is linear, quantile, Poisson or gamma regression.

    It takes every parameter of `sklearn.neural_network.MLPRegressor` under the same name, all but
    the first by keyword.

    Parameters
    ----------
    hidden_layer_sizes : int or array-like of int of shape (n_hidden_layers,), default=(100,)
        Units of each hidden layer.

    loss : {losses} or Loss, default='squared_error'
        ℓ(z, y), summed over the outputs. With predictions z and r = z - y, 'squared_error' is
        r² / 2, for the mean; 'absolute_error' is abs(r), for the median; 'huber' is between the
        two; 'quantile' is (1 - q) r above and -q r below y. With predictions e^z, 'poisson' is
        half the Poisson deviance of targets y >= 0, 'gamma' half the gamma deviance of targets
        y > 0. A `Loss` of your own has its formula.

    quantile : float, default=None
        With ``loss='quantile'``, q in (0, 1), the share of the targets below the prediction.

    huber_delta : float, default=1.35
        With ``loss='huber'``, the size of r from which on errors count linearly; in standard
        deviations of y with `normalize_target`.

    normalize_target : bool, default=True
        Whether to train on targets of mean 0 and variance 1, by an `InputNormalizer` of their own,
        and to give predictions in the units of y. 'poisson' and 'gamma' divide y by its root
        mean square only. partial_fit and `warm_start` keep the scale of the first call.
        Losses of your own say by their attribute ``normalizes`` what they allow.

{parameters}

    Attributes
    ----------
    target_normalizer_ : InputNormalizer or None
        What takes targets to the units of the network, in which losses, `theta_` and `coefs_` are.

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
    ...     MLPRegressor((30,), activation="tanh", solver="lbfgs", alpha=10, random_state=0),
    ... )
    >>> bool(reg.fit(X_train, y_train).score(X_test, y_test) > 0.3)
    True
    """,
        losses=REGRESSION_LOSSES,
    )

    _parameter_constraints: ClassVar[dict] = CONSTRAINTS | {
        "loss": [StrOptions(set(REGRESSION_LOSSES)), Loss],
        "quantile": [Interval(Real, 0, 1, closed="neither"), None],
        "huber_delta": [Interval(Real, 0, None, closed="neither")],
        "normalize_target": ["boolean"],
    }

    def __init__(
        self,
        hidden_layer_sizes=(100,),
        *,
        loss="squared_error",
        quantile=None,
        huber_delta=1.35,
        normalize_target=True,
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
        self.quantile = quantile
        self.huber_delta = huber_delta
        self.normalize_target = normalize_target
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
        return self._outputs(X, self._in_units)

    def _in_units(self, z):
        y, units = LINKS[self.out_activation_](z), self._predictor.units
        if units is not None:
            y = units(y)
        return y.ravel() if self.n_outputs_ == 1 else y

    def _attributes(self, state, weights, n_iter, n_rows_seen):
        scale = {"target_normalizer_": state.target_scale}
        return super()._attributes(state, weights, n_iter, n_rows_seen) | scale
