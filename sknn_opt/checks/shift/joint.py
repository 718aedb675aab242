"""Do features vary together as in training, whatever each does by itself?

A classifier learns to tell new rows from rows of training, and is tried on others that it has not
seen [1]_. If both came from one distribution, its scores of the two would be in random order: the
probability of their ranks is that of the test of Wilcoxon, Mann and Whitney, *whatever* the
distribution and however good the classifier. Its statistic is the area under the ROC curve: the
probability that a new row is taken for newer than a row of training.

Half of the rows are for learning, half for the test. Two classifiers vote: trees, which find any
dependence in enough rows, and a logistic model of products of the features, which finds changed
correlations in few. A shift of one mean by 0.1 standard deviations, the least that counts, has an
area of :math:`\\Phi(0.1 / \\sqrt{2}) = 0.528`; less than that does not count here either.

References
----------
.. [1] D. Lopez-Paz and M. Oquab, "Revisiting classifier two-sample tests", ICLR 2017.
"""

import warnings

import numpy as np
from scipy.sparse import issparse
from scipy.stats import mannwhitneyu, norm
from sklearn.decomposition import PCA
from sklearn.ensemble import HistGradientBoostingClassifier, VotingClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, QuantileTransformer, StandardScaler

from sknn_opt.checks.shift.report import LEAST_MEAN, OK, SHIFTED, UNKNOWN, JointShift

LEAST_AREA = norm.cdf(LEAST_MEAN / np.sqrt(2))
ROWS = 20_000  # of either kind; a sample of more
PRODUCTS = 30  # of so many features; of more their main directions
FEWEST = 8  # rows of either kind


def joint_shift(X_train, X_new, level):
    """What a classifier says of rows of both kinds."""
    samples = [_sample(X) for X in (X_train, X_new)]
    rows, is_new = np.concatenate(samples), np.repeat([0, 1], [len(X) for X in samples])
    if min(map(len, samples)) < FEWEST:
        return JointShift(UNKNOWN, float("nan"), float("nan"))
    learned, tried, y, truth = train_test_split(
        rows, is_new, test_size=0.5, stratify=is_new, random_state=0
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        score = _judge(learned).fit(learned, y).predict_proba(tried)[:, 1]
    test = mannwhitneyu(score[truth == 1], score[truth == 0], alternative="greater")
    area = test.statistic / (np.sum(truth == 1) * np.sum(truth == 0))
    shifted = area > LEAST_AREA and test.pvalue < level
    return JointShift(SHIFTED if shifted else OK, float(area), float(test.pvalue))


def _sample(X):
    """The rows, or some of them, as a dense array."""
    if X.shape[0] > ROWS:
        X = X[np.sort(np.random.default_rng(0).permutation(X.shape[0])[:ROWS])]
    return (X.toarray() if issparse(X) else X).astype(np.float64)


def _judge(X):
    """Two classifiers that vote."""
    n, p = X.shape
    trees = HistGradientBoostingClassifier(
        max_iter=60, max_leaf_nodes=15, l2_regularization=1.0, early_stopping=False, random_state=0
    )
    products = make_pipeline(
        SimpleImputer(strategy="median", keep_empty_features=True),
        QuantileTransformer(n_quantiles=min(n, 200), output_distribution="normal", random_state=0),
        PCA(min(PRODUCTS, p, n), random_state=0) if p > PRODUCTS else "passthrough",
        PolynomialFeatures(2, include_bias=False),
        StandardScaler(),
        LogisticRegression(C=0.01),
    )
    return VotingClassifier([("trees", trees), ("products", products)], voting="soft")
