"""A table in, amounts out."""

from __future__ import annotations

from typing import Any, ClassVar

from numpy.typing import ArrayLike
from sklearn.base import RegressorMixin

from sknn_opt.arrays.types import Matrix, RandomState
from sknn_opt.estimators.regressor import MLPRegressor
from sknn_opt.nn.losses import Loss
from sknn_opt.tables.base import BaseTabularMLP
from sknn_opt.tables.encoder import TableEncoder


class TabularMLPRegressor(RegressorMixin, BaseTabularMLP):
    """A table in, amounts out: encoding, a tuned network and an ensemble in one line.

    As `TabularMLPClassifier`, for real targets. Predictions stay in the range of those it was
    trained on.

    Parameters
    ----------
    preset : {'fast', 'balanced', 'best'}, default='balanced'
        How much work the fit is.

    categorical_features : 'from_dtype' or array-like of {bool, int, str}, default='from_dtype'
        Which columns are categories: by default text, and those whose dtype says so.

    loss : str or Loss, default='squared_error'
        What is predicted, as in `MLPRegressor`: the mean with 'squared_error', the median with
        'absolute_error', counts with 'poisson', quantiles with 'quantile', ….

    quantile : float or array-like of float, default=None
        Which quantiles, for ``loss='quantile'``.

    n_members : int, default=None
        How many networks predict together; by default 2, 4 or 8, by the preset.

    max_time : float, default=None
        Seconds that fit may take. The plan is cut to what they allow at the pace of the first
        epochs; there is at least one epoch.

    encoder : TableEncoder, default=None
        Takes the place of the default one, with parameters of its own.

    network_params : dict, default=None
        Parameters of `MLPRegressor` that take the place of the preset's. Searches reach one of
        them as ``network_params__dropout``; of the hidden layers best ``network_params__depth`` and
        ``network_params__width``, which take the place of the preset's `hidden_layer_sizes`.

    random_state : int, RandomState instance or None, default=None
        Where all randomness comes from.

    verbose : bool, default=False
        Whether to show a progress bar.

    Attributes
    ----------
    encoder_ : TableEncoder
        What makes a matrix of a table.

    network_ : MLPRegressor
        What it is given to.

    feature_importances_ : ndarray of shape (n_columns,)
        How much the loss on held-out rows rises if a column of the table is shuffled.

    history_ : list of dict
        One row for each epoch.

    n_iter_ : int
        Epochs.

    n_features_in_ : int
        Columns of the table.

    feature_names_in_ : ndarray of shape (n_columns,)
        Their names, where the table has names that are all strings.

    See Also
    --------
    TabularMLPClassifier : The same for classes.
    MLPRegressor : The network alone.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sknn_opt import TabularMLPRegressor
    >>> X, y = load_diabetes(return_X_y=True, as_frame=True)
    >>> X["sex"] = X["sex"].map(lambda z: "f" if z > 0 else "m")
    >>> reg = TabularMLPRegressor(preset="fast", random_state=0).fit(X[::2], y[::2])
    >>> bool(reg.score(X[1::2], y[1::2]) > 0.4)
    True
    >>> y_pred, std = reg.predict(X[1::2], return_std=True)
    """

    network_: MLPRegressor

    _network = MLPRegressor
    _parameter_constraints: ClassVar[dict] = BaseTabularMLP._parameter_constraints | {
        name: MLPRegressor._parameter_constraints[name] for name in ("loss", "quantile")
    }

    def __init__(
        self,
        preset: str = "balanced",
        *,
        categorical_features: str | ArrayLike = "from_dtype",
        loss: str | Loss = "squared_error",
        quantile: ArrayLike | None = None,
        n_members: int | None = None,
        max_time: float | None = None,
        encoder: TableEncoder | None = None,
        network_params: dict[str, Any] | None = None,
        random_state: RandomState = None,
        verbose: bool = False,
    ):
        self.preset = preset
        self.categorical_features = categorical_features
        self.loss = loss
        self.quantile = quantile
        self.n_members = n_members
        self.max_time = max_time
        self.encoder = encoder
        self.network_params = network_params
        self.random_state = random_state
        self.verbose = verbose

    def _own_parameters(self):
        return {"loss": self.loss, "quantile": self.quantile, "clip_predictions": True}

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        tags.target_tags.positive_only = self.loss in ("poisson", "gamma")
        return tags

    def predict(self, X: Matrix, return_std: bool = False) -> Any:
        """Predict the targets.

        Parameters
        ----------
        X : {data frame, array-like} of shape (n_samples, n_columns)
            The table.
        return_std : bool, default=False
            Whether to return how far the members differ as well: what the training rows leave
            open, not the noise in y.

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_outputs)
        std : ndarray of the same shape
            With `return_std`.
        """
        return self._ask("predict", X, return_std=return_std)

    def score(self, X: Matrix, y: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
        """R², or for several quantiles their mean D², as in `MLPRegressor`.

        Parameters
        ----------
        X : {data frame, array-like} of shape (n_samples, n_columns)
            The table.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            The true targets.
        sample_weight : array-like of shape (n_samples,), default=None
            How much each row counts.

        Returns
        -------
        float
        """
        return self._ask("score", X, y, sample_weight)
