"""The regressor: real targets, one column or several."""

from __future__ import annotations

from collections.abc import Callable
from numbers import Real
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import RegressorMixin
from sklearn.metrics import d2_pinball_score
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from sknn_opt._sklearn import Interval, StrOptions
from sknn_opt.arrays.types import Matrix, RandomState, Splitter
from sknn_opt.estimators.base import BaseMLP
from sknn_opt.estimators.normalizer import InputNormalizer
from sknn_opt.estimators.parameters import CONSTRAINTS, takes_minibatches
from sknn_opt.estimators.targets import REGRESSION_LOSSES, AmountTargets
from sknn_opt.nn.losses import LINKS, Loss, Quantile
from sknn_opt.optim import Optimizer, TrainingTime


class MLPRegressor(AmountTargets, RegressorMixin, BaseMLP):
    """Multi-layer perceptron regressor.

    It predicts the mean of the targets, their median or another quantile, with a choice of losses.
    ``hidden_layer_sizes=()`` is linear, quantile, Poisson or gamma regression.

    It takes every parameter of `sklearn.neural_network.MLPRegressor` under the same name, all but
    the first by keyword.

    Parameters
    ----------
    hidden_layer_sizes : int or array-like of int of shape (n_hidden_layers,), default=(100,)
        Units of each hidden layer. Try 1 to 3 layers of 16 to 512 units.

    depth : int, default=None
        The number of hidden layers: with `width` and `taper` in the place of `hidden_layer_sizes`,
        which searchers cannot vary as they can plain numbers. If only `width` is given, it is 1.

    width : int, default=None
        Units of the first hidden layer. If only `depth` is given, they are 100.

    taper : float, default=1.0
        Layer i, counted from 0, has width · taperⁱ units, rounded, but at least 1: all alike at 1,
        half as many in each next layer at 0.5. In (0, 2].

    loss : {'squared_error', 'absolute_error', 'huber', 'quantile', 'poisson', 'gamma'} or Loss, \
            default='squared_error'
        ℓ(z, y), summed over the outputs. With predictions z and r = z - y, 'squared_error' is
        r² / 2, for the mean; 'absolute_error' is abs(r), for the median; 'huber' is between the
        two; 'quantile' is (1 - q) r above and -q r below y. With predictions e^z, 'poisson' is
        half the Poisson deviance of targets y >= 0, 'gamma' half the gamma deviance of targets
        y > 0. A `Loss` of your own has its formula.

    quantile : float or array-like of shape (n_quantiles,), default=None
        With ``loss='quantile'``, q in (0, 1), the share of the targets below the prediction.
        Several, such as ``[0.05, 0.5, 0.95]``, are predicted by one network, for one column of
        targets; in each prediction a higher quantile is never below a lower one.

    huber_delta : float, default=1.35
        With ``loss='huber'``, the size of r from which on errors count linearly; in standard
        deviations of y with `normalize_target`.

    normalize_target : bool, default=True
        Whether to train on targets of mean 0 and variance 1, by an `InputNormalizer` of their own,
        and to give predictions in the units of y. 'absolute_error', 'huber' and 'quantile' take
        the median and the quartile range, which outliers do not move. 'poisson' and 'gamma' divide
        y by its root mean square only. In partial_fit the scale is that of all rows so far, and
        the last layer is rescaled with it, so that predictions do not jump; see the user guide.
        Losses of your own say by their attribute ``normalizes`` what they allow.

    clip_predictions : bool, default=False
        Whether predictions stay in the range of the targets that the network was trained on: of the
        last fit, or of all calls of partial_fit so far. Rows of weight 0 do not count. It can be
        set on a fitted network.

    n_members : int, default=1
        How many networks of this shape to train side by side, each from initial weights and with
        batches and dropout masks of its own. They predict the mean of what each predicts: of
        probabilities, also of two classes and of labels, or of amounts. With `early_stopping` each
        holds out other rows, a share of `validation_fraction` but at most 1 / n_members, and keeps
        its own best epoch, so that each row trains all members but one. Four cost less than four
        fits; they err less than one, and say how sure they are: see `member_predictions`.

    activation : {'identity', 'logistic', 'tanh', 'relu', 'leaky_relu', 'elu', 'selu', 'gelu', \
            'silu', 'softplus', 'mish'}, default='relu'
        The activation of the hidden layers.

    init : {'auto', 'data', 'he_normal', 'he_uniform', 'glorot_normal', 'glorot_uniform', \
            'lecun_normal', 'lecun_uniform', 'xavier', 'orthogonal'} or callable, default='auto'
        The initial weights. 'auto' keeps the variance of signals and gradients constant with depth
        for the activation at hand. 'data' looks at up to 1,000 of the rows to train on: weights are
        divided by the standard deviation of their unit there, and biases let each unit bend at one
        of these rows; of a stream it is those of the first call. 'xavier' has variance 1 / n_in, as
        the course defines it; its other version, 2 / (n_in + n_out), is 'glorot_normal'. A callable
        ``(shape, rng, gain)`` returns an array of `shape` (n_in, n_out), drawn from `rng`, a
        `numpy.random.Generator`. Other biases start at 0, except that 'auto' balances f(0) ≠ 0 and,
        as to relu, leaky_relu and identity, draws those of the first layer, and that those of the
        outputs of 'poisson' and 'gamma' start at the mean of the targets.

    dropout : float, callable or array-like of shape (n_hidden_layers,), default=0.0
        The probability in [0, 1) with which a unit of a hidden layer is left out of a training
        step; one rate for all hidden layers, or one for each. A rate may follow a schedule, such as
        ``sknn_opt.optim.FadeOut(0.15)`` or any function of a `sknn_opt.optim.TrainingTime`; the
        objective, and the checks of gradients and signals, have that of the start. Try 0, and 0.05
        to 0.5.

    input_dropout : float or callable, default=0.0
        The same for the input features.

    input_scale : bool or array-like of shape (n_features,) or (n_members, n_features), \
            default=False
        Whether the network learns a factor for each input, which starts at 1: block ``scale[1]`` of
        `theta_`. Inputs that matter little shrink faster than by their weights alone. ``coefs_[0]``
        has the factors in it. Numbers say where they start, for all members or for each: an input
        of 0 is left out.

    batch_norm : bool, default=False
        Whether to normalize the pre-activations of the hidden layers by batch.

    batch_norm_momentum : float, default=0.9
        How slowly the running mean and variance, which predictions use, forget; in [0, 1). They are
        averages of the batches weighted by rows, each batch before the last counting by this factor
        less.

    solver : {'lbfgs', 'sgd', 'rmsprop', 'adam', 'adamw'} or Optimizer, default='adam'
        The optimizer, by name or as an object such as ``sknn_opt.optim.AdamW(weight_decay=0.1)``,
        which brings its own momentum, decays and, where it has one, learning rate. 'lbfgs' takes
        the whole set at each step and suits small sets; the others take minibatches. 'lbfgs' does
        not go with dropout.

    alpha : float, default=0.0001
        Strength α of the L2 penalty on the weights (not on biases), as scikit-learn scales it:
        α / (2 n) · Σ‖W‖² is added to the mean loss of a batch of n rows. Try 0.00001 to 10, on a
        logarithmic scale.

    weight_decay : float or callable, default=0.01
        With ``solver='adamw'`` each step also shrinks the weights by the factor
        1 - learning rate · weight_decay. It may follow a schedule, as `dropout` may.

    batch_size : int, default='auto'
        Rows in a minibatch. 'auto' is min(200, n_samples); a larger number than n_samples is
        n_samples. Try 16 to 512, each twice the one before, and search the learning rate with it.

    learning_rate : {'constant', 'invscaling', 'adaptive', 'cosine', 'one_cycle', 'exponential', \
            'step'} or callable, default='constant'
        How the learning rate develops: 'constant' stays at `learning_rate_init`; 'invscaling' is
        learning_rate_init / (t + 1)^power_t after t rows; 'adaptive' is divided by 5 whenever
        training stalls, and training ends when it is below 1e-6. 'cosine' falls to 0, 'one_cycle'
        rises and falls, 'exponential' falls to 1/100 and 'step' to 1/10 after each third, all over
        `max_iter` epochs, and training then goes on to the last of them unless a validation score
        stops it. Objects such as ``sknn_opt.optim.Cosine(final=0.1)`` have knobs, and any function
        of a `sknn_opt.optim.TrainingTime` that returns a learning rate will do. They serve every
        minibatch solver (scikit-learn's only 'sgd'). 'lbfgs' has no learning rate, and no use for
        `warmup_epochs`, `max_grad_norm` and `average`.

    learning_rate_init : float, default=0.001
        The learning rate at the start. Search it first: try 0.0003 to 0.05, with 'sgd' 0.003 to 1,
        on a logarithmic scale.

    power_t : float, default=0.5
        The exponent of 'invscaling'.

    warmup_epochs : float, default=0
        Epochs in which the learning rate, whatever its schedule, is raised linearly from 0.

    max_grad_norm : float, default=None
        The largest norm ‖∇J‖ of the whole gradient; a longer one is shortened to it before the
        step (Pascanu et al. 2013).

    average : float, default=0.0
        With a decay in (0, 1), such as 0.999, predictions use the exponential moving average of the
        weights of all steps in place of the latest.

    max_iter : int, default=200
        The largest number of epochs, or of iterations of 'lbfgs'.

    min_steps : int, default=0
        Small sets have few batches an epoch: where `max_iter` epochs make fewer steps than this,
        training takes as many epochs as make so many, and schedules run over all of them. It may
        still end where it has stalled. 'lbfgs' has no use for it.

    shuffle : bool, default=True
        Whether to shuffle the rows in each epoch.

    random_state : int, RandomState, Generator or None, default=None
        Where all randomness comes from: initial weights, shuffling, dropout, validation part.
        With an int, two fits give the same bits.

    tol : float, default=1e-4
        Training has stalled when the loss, or the validation loss, has not improved by more than
        `tol` times twice the loss of the best constant prediction, or for classes by more than
        `tol` itself if that is less, for more than `n_iter_no_change` epochs in a row; for another
        `scoring`, by more than `tol` times the best score. So the unit of y does not matter. With
        'lbfgs', the largest element of the gradient at which it ends.

    verbose : bool, default=False
        Whether to print the loss after each epoch.

    warm_start : bool, default=False
        Whether fit goes on from the weights of the last fit.

    momentum : float, default=0.9
        The momentum of 'sgd', in [0, 1]. Try 0.5 to 0.99, with 1 - momentum on a logarithmic scale.

    nesterovs_momentum : bool, default=True
        Whether 'sgd' uses Nesterov's momentum.

    early_stopping : bool, default=False
        Whether to stop when `scoring` no longer improves on a validation set, and to keep the
        weights that were best there (without it, those of the lowest training loss). The set is
        ``X_val, y_val`` of fit, or the part held out of X that `validation_fraction` says.

    scoring : str, callable or None, default='loss'
        What decides in early stopping: 'loss' is the validation loss without penalty, None the
        estimator's own score (accuracy or R²), else a scorer of scikit-learn's by name, such as
        'average_precision', or as a callable ``(estimator, X, y)``, greater being better.

    validation_fraction : float, 'last' or splitter, default=0.1
        Which rows early stopping holds out. A number in [0, 1) is their share: of each class, and
        of each set of equal rows whose targets differ; copies stay together, unless they are many.
        With ``groups`` in fit it is the share of whole groups. In partial_fit a row that was held
        out once is held out in every call, unless it makes up a noticeable part of the stream.
        'last' is the last tenth of the rows, for data in the order of time. A splitter of
        scikit-learn, such as ``TimeSeriesSplit()`` or ``GroupKFold()``, holds out what the last of
        its splits leaves to test on; of several members each takes one of the last, or the only
        one.

    beta_1 : float, default=0.9
        Decay of the first moment of 'adam' and 'adamw', in [0, 1). Try 0.5 to 0.99, with 1 - beta_1
        on a logarithmic scale.

    beta_2 : float, default=0.999
        Decay of the second moment of 'adam', 'adamw' and 'rmsprop', in [0, 1). Try 0.9 to 0.9999,
        after all else.

    epsilon : float, default=1e-8
        Keeps 'adam', 'adamw' and 'rmsprop' from dividing by 0.

    n_iter_no_change : int or inf, default=10
        Training has stalled after more than so many epochs without improvement; see `tol`.

    max_fun : int, default=15000
        The largest number of evaluations of the loss by 'lbfgs'.

    dtype : {'auto', 'float32', 'float64'}, default='auto'
        The precision of the network. 'auto' is float32 for the minibatch solvers and for float32
        data, and float64 for 'lbfgs' otherwise.

    Attributes
    ----------
    target_normalizer_ : InputNormalizer or None
        What takes targets to the units of the network, in which losses, `theta_` and `coefs_` are.

    theta_ : ndarray of shape (n_parameters,)
        All trained parameters in one vector. It can be set; see `coefs_`.

    blocks_ : dict of str to Block
        Where ``W[1]``, ``b[1]``, ``gamma[1]``, … lie in `theta_`: slice and shape of each.

    coefs_ : list of ndarray of shape (n_in, n_out), or (n_members, n_in, n_out)
        The weight matrices of the network as it predicts, batch norm folded in. The list, or one
        of its arrays, can be set: the network then predicts with copies of these, and partial_fit,
        or fit with `warm_start`, goes on from them. Without batch norm they are views of `theta_`,
        read-only where a change in place would be lost.

    intercepts_ : list of ndarray of shape (n_out,)
        The biases of the network as it predicts. They can be set like `coefs_`.

    statistics_ : ndarray
        The running means and variances of batch norm; empty without it.

    history_ : list of dict
        One row for each epoch, or iteration of 'lbfgs', ready for ``pandas.DataFrame(history_)``:
        ``epoch``, ``loss`` and ``penalty`` (means over the batches, each before its own step),
        ``validation_loss`` (without penalty) and ``score`` (None without a validation set), of
        several members their means, and ``loss[1]``, ``score[1]``, … of each,
        ``learning_rate`` of the last step, ``gradient_norm`` (its mean over the steps, before
        `max_grad_norm`) and ``seconds`` (None in copies and after unpickling, so that equal fits
        have equal pickles). Of many calls of partial_fit the older rows are thinned out: at most
        160 are kept.

    loss_curve_ : list of float
        Loss and penalty of each row of `history_` together.

    loss_ : float
        The last of `loss_curve_`.

    best_loss_ : float or None
        The lowest of `loss_curve_`; None with `early_stopping`.

    validation_loss_curve_ : list of float or None
        The loss on the validation set after each epoch, without penalty; None without such a set.

    validation_scores_ : list of float or None
        The score on it; with ``scoring='loss'``, minus the loss.

    best_validation_score_ : float or None
        That of the weights kept: the highest of the last fit, or of all calls of partial_fit.

    n_iter_ : int
        Epochs, or iterations of 'lbfgs', of the last fit; after partial_fit, of all so far.

    t_ : int
        Training rows that the solver has seen, counted anew in each epoch.

    n_features_in_ : int
        Features seen in fit.

    feature_names_in_ : ndarray of shape (n_features,)
        Their names, where X has names that are all strings.

    n_layers_ : int
        Layers, counting the input and the output.

    n_outputs_ : int
        Output units.

    out_activation_ : str
        The function that turns raw outputs into predictions.

    See Also
    --------
    MLPClassifier : The same for classes.
    InputNormalizer : Brings the inputs to mean 0 and variance 1.

    Notes
    -----
    With raw outputs zᵢ, weights wᵢ and a batch B, a training step descends::

        J(θ) = Σ_B wᵢ ℓ(zᵢ, yᵢ) / (|B| w̄)  +  α / (2 |B| w̄) · Σₗ ‖W[l]‖²,

    where w̄ is the mean weight of the whole training set: a row of weight 2 counts twice in any
    batch. A set that fits into one batch is trained as a weighted set: neither the order of its
    rows nor whether equal rows are repeated or weighted makes a difference, to the bit.

    fit and partial_fit are all or nothing: if anything raises, the model is as it was before.
    Ctrl-C during fit keeps the best weights so far and then raises KeyboardInterrupt.

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
    """

    target_normalizer_: InputNormalizer | None

    _parameter_constraints: ClassVar[dict] = CONSTRAINTS | {
        "loss": [StrOptions(set(REGRESSION_LOSSES)), Loss],
        "quantile": [Interval(Real, 0, 1, closed="neither"), "array-like", None],
        "huber_delta": [Interval(Real, 0, None, closed="neither")],
        "normalize_target": ["boolean"],
        "clip_predictions": ["boolean"],
    }

    def __init__(
        self,
        hidden_layer_sizes: ArrayLike = (100,),
        *,
        depth: int | None = None,
        width: int | None = None,
        taper: float = 1.0,
        loss: str | Loss = "squared_error",
        quantile: ArrayLike | None = None,
        huber_delta: float = 1.35,
        normalize_target: bool = True,
        clip_predictions: bool = False,
        n_members: int = 1,
        activation: str = "relu",
        init: str | Callable[..., NDArray[Any]] = "auto",
        dropout: ArrayLike | Callable[[TrainingTime], float] = 0.0,
        input_dropout: float | Callable[[TrainingTime], float] = 0.0,
        input_scale: bool | ArrayLike = False,
        batch_norm: bool = False,
        batch_norm_momentum: float = 0.9,
        solver: str | Optimizer = "adam",
        alpha: float = 0.0001,
        weight_decay: float | Callable[[TrainingTime], float] = 0.01,
        batch_size: int | str = "auto",
        learning_rate: str | Callable[[TrainingTime], float] = "constant",
        learning_rate_init: float = 0.001,
        power_t: float = 0.5,
        warmup_epochs: float = 0,
        max_grad_norm: float | None = None,
        average: float = 0.0,
        max_iter: int = 200,
        min_steps: int = 0,
        shuffle: bool = True,
        random_state: RandomState = None,
        tol: float = 1e-4,
        verbose: bool = False,
        warm_start: bool = False,
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        early_stopping: bool = False,
        scoring: str | Callable[..., float] | None = "loss",
        validation_fraction: float | str | Splitter = 0.1,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        n_iter_no_change: float = 10,
        max_fun: int = 15000,
        dtype: str = "auto",
    ):
        self.hidden_layer_sizes = hidden_layer_sizes
        self.depth = depth
        self.width = width
        self.taper = taper
        self.loss = loss
        self.quantile = quantile
        self.huber_delta = huber_delta
        self.normalize_target = normalize_target
        self.clip_predictions = clip_predictions
        self.n_members = n_members
        self.activation = activation
        self.init = init
        self.dropout = dropout
        self.input_dropout = input_dropout
        self.input_scale = input_scale
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
        self.min_steps = min_steps
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
    def partial_fit(self, X: Matrix, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
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
            If the data cannot be used, such as numbers beyond 1e100 in size. The estimator is then
            as it was before.
        """
        return self._partial_fit(X, y, sample_weight)

    def predict(self, X: Matrix, return_std: bool = False) -> Any:
        """Predict the targets.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The inputs.
        return_std : bool, default=False
            Whether to return how far the members differ as well. This is what the training rows
            leave open; it knows nothing of the noise in y.

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_outputs)
            With several quantiles a column for each, in the order of ``quantile``.
        std : ndarray of the same shape
            The standard deviation of the members' predictions, with `return_std`.

        Raises
        ------
        ValueError
            If X has other features than the training data, or holds NaN, infinity or a number
            beyond 1e100 in size; if `return_std` is asked of a single network.
        """
        state = vars(self).get("_training")
        if state and state.architecture.n_members > 1:
            each = self.member_predictions(X)
            y = (each / len(each)).sum(axis=0)  # a sum of large ones could overflow
            return (y, each.std(axis=0, ddof=1)) if return_std else y
        y = self._outputs(X, self._in_units)
        if return_std:
            raise ValueError(
                "return_std=True needs several members, whose spread it is, and this is one "
                "network: fit with n_members=4, for example."
            )
        return y

    def member_predictions(self, X: Matrix) -> NDArray[Any]:
        """What each member predicts.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The inputs.

        Returns
        -------
        ndarray of shape (n_members, n_samples) or (n_members, n_samples, n_outputs)
            `predict` is their mean: `clip_predictions`, and the order of quantiles, are a matter of
            each.

        Examples
        --------
        >>> from sklearn.datasets import load_diabetes
        >>> from sknn_opt import MLPRegressor
        >>> X, y = load_diabetes(return_X_y=True)
        >>> reg = MLPRegressor(n_members=4, early_stopping=True, random_state=0).fit(X * 20, y)
        >>> reg.member_predictions(X * 20).shape
        (4, 442)
        >>> y_pred, std = reg.predict(X * 20, return_std=True)
        """
        return self._of_each_member(X, self._in_units)

    def _in_units(self, z):
        y, units = LINKS[self.out_activation_](z), self._predictor.units
        if units is not None:
            y = units(y)
        if self.clip_predictions:
            y = self._in_range(y)
        if self.n_outputs_ == 1:
            return y.ravel()
        loss = self._training.architecture.loss
        return loss.rearranged(y) if isinstance(loss, Quantile) else y

    def score(self, X: Matrix, y: Matrix, sample_weight: ArrayLike | None = None) -> float:
        """R², the mean over the outputs; of several quantiles, the mean D² of their pinball losses.

        Targets that are missing (NaN in one of several columns) do not count.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The inputs.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            The true targets.
        sample_weight : array-like of shape (n_samples,), default=None
            How much each row counts.

        Returns
        -------
        float
            1 at best; 0 for a prediction as good as the best constant. A single quantile, too, is
            scored by R²: see `sklearn.metrics.d2_pinball_score` for the other.

        Examples
        --------
        >>> from sklearn.datasets import load_diabetes
        >>> from sknn_opt import InputNormalizer, MLPRegressor
        >>> X, y = load_diabetes(return_X_y=True)
        >>> X = InputNormalizer().fit_transform(X)
        >>> reg = MLPRegressor((), loss="quantile", quantile=[0.1, 0.9], random_state=0)
        >>> reg = reg.set_params(learning_rate_init=0.01).fit(X, y)
        >>> bool(0.1 < reg.score(X, y) < 1)
        True
        """
        check_is_fitted(self)
        table = self._with_gaps(y)
        if table is not None:
            return self._mean_r2(table, self.predict(X), sample_weight)
        levels = getattr(self._training.architecture.loss, "quantile", None)
        if not isinstance(levels, tuple):
            return super().score(X, y, sample_weight)
        options = {"y_true": y, "sample_weight": sample_weight}
        predictions = zip(levels, self.predict(X).T, strict=True)
        scores = [d2_pinball_score(y_pred=p, alpha=q, **options) for q, p in predictions]
        return float(np.mean(scores))

    def _attributes(self, state, weights, n_iter, n_rows_seen):
        scale = {"target_normalizer_": state.target_scale}
        return super()._attributes(state, weights, n_iter, n_rows_seen) | scale
