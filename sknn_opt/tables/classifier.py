"""A table in, classes out."""

from __future__ import annotations

from typing import Any, ClassVar

from numpy.typing import ArrayLike, NDArray
from sklearn.base import ClassifierMixin

from sknn_opt.arrays.types import Matrix, RandomState
from sknn_opt.estimators.classifier import MLPClassifier
from sknn_opt.tables.base import BaseTabularMLP
from sknn_opt.tables.encoder import TableEncoder


class TabularMLPClassifier(ClassifierMixin, BaseTabularMLP):
    """A table in, classes out: encoding, a tuned network and an ensemble in one line.

    The table goes in as it comes: numbers, categories, text, dates and gaps (`TableEncoder`). Its
    network has several members, which hold out rows of their own to choose their best epoch; what
    else it is follows the size of the table by rules that were measured.

    Parameters
    ----------
    preset : {'fast', 'balanced', 'best'}, default='balanced'
        How much work the fit is.

    categorical_features : 'from_dtype' or array-like of {bool, int, str}, default='from_dtype'
        Which columns are categories: by default text, and those whose dtype says so.

    class_weight : dict, list of dict or 'balanced', default=None
        Factors for the weights of the rows of each class, as in `MLPClassifier`.

    n_members : int, default=None
        How many networks predict together; by default 2, 4 or 8, by the preset.

    max_time : float, default=None
        Seconds that fit may take. The plan is cut to what they allow at the pace of the first
        epochs; there is at least one epoch.

    encoder : TableEncoder, default=None
        Takes the place of the default one, with parameters of its own.

    network_params : dict, default=None
        Parameters of `MLPClassifier` that take the place of the preset's. Searches reach one of
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

    network_ : MLPClassifier
        What it is given to.

    classes_ : ndarray of shape (n_classes,)
        The class labels.

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
    TabularMLPRegressor : The same for amounts.
    MLPClassifier : The network alone.

    Examples
    --------
    >>> import pandas as pd
    >>> from sklearn.datasets import load_wine
    >>> from sknn_opt import TabularMLPClassifier
    >>> wine = load_wine(as_frame=True)
    >>> X = wine.data.assign(color=pd.cut(wine.data["hue"], 3, labels=["low", "middle", "high"]))
    >>> clf = TabularMLPClassifier(preset="fast", random_state=0).fit(X[::2], wine.target[::2])
    >>> bool(clf.score(X[1::2], wine.target[1::2]) > 0.95)
    True
    """

    network_: MLPClassifier

    _network = MLPClassifier
    _parameter_constraints: ClassVar[dict] = BaseTabularMLP._parameter_constraints | {
        "class_weight": MLPClassifier._parameter_constraints["class_weight"],
    }

    def __init__(
        self,
        preset: str = "balanced",
        *,
        categorical_features: str | ArrayLike = "from_dtype",
        class_weight: dict[Any, float] | list[dict[Any, float]] | str | None = None,
        n_members: int | None = None,
        max_time: float | None = None,
        encoder: TableEncoder | None = None,
        network_params: dict[str, Any] | None = None,
        random_state: RandomState = None,
        verbose: bool = False,
    ):
        self.preset = preset
        self.categorical_features = categorical_features
        self.class_weight = class_weight
        self.n_members = n_members
        self.max_time = max_time
        self.encoder = encoder
        self.network_params = network_params
        self.random_state = random_state
        self.verbose = verbose

    def _own_parameters(self):
        return {"class_weight": self.class_weight}

    @property
    def classes_(self) -> NDArray[Any]:
        """The class labels."""
        return self.network_.classes_

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags

    def predict(self, X: Matrix) -> NDArray[Any]:
        """Predict the most probable class, or for multilabel problems each label's 0 or 1.

        Parameters
        ----------
        X : {data frame, array-like} of shape (n_samples, n_columns)
            The table.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_labels)
        """
        return self._ask("predict", X)

    def predict_proba(self, X: Matrix) -> NDArray[Any]:
        """The probability of each class (of several labels: of each label being 1).

        Parameters
        ----------
        X : {data frame, array-like} of shape (n_samples, n_columns)
            The table.

        Returns
        -------
        ndarray of shape (n_samples, n_classes) or (n_samples, n_labels)
            The mean of those of the members.
        """
        return self._ask("predict_proba", X)

    def predict_log_proba(self, X: Matrix) -> NDArray[Any]:
        """The logarithm of the probabilities.

        Parameters
        ----------
        X : {data frame, array-like} of shape (n_samples, n_columns)
            The table.

        Returns
        -------
        ndarray of shape (n_samples, n_classes) or (n_samples, n_labels)
        """
        return self._ask("predict_log_proba", X)

    def decision_function(self, X: Matrix) -> NDArray[Any]:
        """The log-odds of the probabilities, or for several classes their logarithms.

        Parameters
        ----------
        X : {data frame, array-like} of shape (n_samples, n_columns)
            The table.

        Returns
        -------
        ndarray of shape (n_samples,) for two classes, else (n_samples, n_outputs)
        """
        return self._ask("decision_function", X)

    def score(self, X: Matrix, y: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
        """The accuracy.

        Parameters
        ----------
        X : {data frame, array-like} of shape (n_samples, n_columns)
            The table.
        y : array-like of shape (n_samples,) or (n_samples, n_labels)
            The true classes, or labels.
        sample_weight : array-like of shape (n_samples,), default=None
            How much each row counts.

        Returns
        -------
        float
        """
        return self._ask("score", X, y, sample_weight)
