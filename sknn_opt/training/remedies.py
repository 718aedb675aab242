"""What to try where a network fails, and which of it is left to the network at hand.

A remedy is a phrase as it stands in a sentence after "Try". What is so already, or has no effect
with the solver, is never advised: `Traits` knows.
"""

from dataclasses import dataclass

import numpy as np
from scipy.sparse import issparse

from sknn_opt.optim.optimizers import SGD

NORMALIZE = "InputNormalizer() before the network"
NORMALIZE_SPARSE = "InputNormalizer(with_mean=False) before the network"
INIT = "init='auto'"
OTHER_INIT = "initial weights that fit the activation (sknn_opt's MLP with init='auto')"
BATCH_NORM = "batch_norm=True"
SLOWER, FASTER = "a lower learning_rate_init", "a higher learning_rate_init"
ADAM = "solver='adam'"
LONGER, LOWER_TOL = "more max_iter", "a lower tol"
CLIP_GRADIENT = "max_grad_norm=1"
CLIP_INPUTS = "InputNormalizer(center='median', scale='iqr', clip=3) before the network"
BALANCE = "class_weight='balanced'"
LEAKY, RELU, TANH = (f"activation={name!r}" for name in ("leaky_relu", "relu", "tanh"))
FEWER_LAYERS = "fewer layers"
LESS_PENALTY = "a lower alpha"
OTHER_WORDS = {  # where the network is of another library
    "torch": {
        SLOWER: "a lower learning rate",
        NORMALIZE: "inputs with mean 0 and variance 1",
        BATCH_NORM: "torch.nn.BatchNorm1d (or 2d) after hidden layers",
        LEAKY: "torch.nn.LeakyReLU",
        RELU: "torch.nn.ReLU",
        TANH: "torch.nn.Tanh",
    },
    "keras": {
        SLOWER: "a lower learning rate",
        NORMALIZE: "inputs with mean 0 and variance 1 (keras.layers.Normalization)",
        BATCH_NORM: "keras.layers.BatchNormalization after hidden layers",
    },
}


def either(remedies):
    """A, b, or c."""
    *most, last = remedies
    return f"{', '.join(most)}, or {last}" if most else last


def n_hidden_layers(mlp):
    """How many an MLP asks for, ours or scikit-learn's."""
    depth = getattr(mlp, "depth", None)
    return np.size(mlp.hidden_layer_sizes) if depth is None else depth


@dataclass(frozen=True)
class Traits:
    """What of a network decides which remedies it can still take.

    Attributes
    ----------
    activation, init, batch_norm, max_grad_norm, class_weight
        As the estimator has them; scikit-learn's MLP has no `init`, which is then None.
    n_hidden : int
    solver : str or Optimizer
    sparse : bool
        Whether X is, which no normalizer may center.
    scaled : bool
        Whether X is known to be.
    fitted : bool
        Whether the weights have been trained: then a step too large is likelier than bad init.
    by_step : bool
        Whether it is the solver's step that fails, at these weights.
    library : {"sknn_opt", "torch", "keras"}
        Whose words to use.
    deviation : float
        For other libraries: that of initial weights that fit the activation, times √n_in, if known.
    """

    activation: str
    init: object = "auto"
    batch_norm: bool = False
    n_hidden: int = 1
    solver: object = "adam"
    max_grad_norm: float | None = None
    class_weight: object = None
    sparse: bool = False
    scaled: bool = False
    fitted: bool = True
    by_step: bool = False
    library: str = "sknn_opt"
    deviation: float = 1.0

    @classmethod
    def of(cls, mlp, X, fitted=True):
        """Those of an MLP, ours or scikit-learn's."""
        return cls(
            mlp.activation,
            getattr(mlp, "init", None),
            getattr(mlp, "batch_norm", False),
            n_hidden_layers(mlp),
            mlp.solver,
            getattr(mlp, "max_grad_norm", None),
            getattr(mlp, "class_weight", None),
            sparse=issparse(X),
            fitted=fitted,
        )

    def _is_plain(self):
        """Whether the solver's steps are as long as the gradient."""
        return self.solver == "sgd" or isinstance(self.solver, SGD)

    def choose(self, remedies, without=()):
        """Those of the remedies that are left, in words: never what is so already."""
        ours, by_steps = self.init is not None, self.solver != "lbfgs"
        slower = (self.fitted or self.by_step) and by_steps and SLOWER in remedies
        # Adam and its like divide each gradient by its size: a shorter one makes the same step.
        clips = ours and by_steps and (not self.by_step or self._is_plain())
        taken = {
            SLOWER: not slower,
            ADAM: not self._is_plain(),
            NORMALIZE: self.scaled,
            BALANCE: self.class_weight is not None,
            CLIP_GRADIENT: not clips or self.max_grad_norm is not None,
            INIT: (slower and not self.by_step) or self.init in ("auto", "data"),
            LESS_PENALTY: not self.fitted,
            BATCH_NORM: not ours or self.batch_norm,
            FEWER_LAYERS: self.n_hidden < 2,
            f"activation={self.activation!r}": True,
            **dict.fromkeys(without, True),
        }
        words = {} if ours else {INIT: OTHER_INIT, LEAKY: TANH}
        if self.library in OTHER_WORDS:
            fitting = "initial weights that fit the activation"
            if np.isfinite(self.deviation):
                fitting = f"initial weights of standard deviation {self.deviation:.3g} / √n_in"
            words = OTHER_WORDS[self.library] | {INIT: fitting}
        if not by_steps:
            words[FASTER] = LOWER_TOL
        if self.sparse:
            words[NORMALIZE] = NORMALIZE_SPARSE
        if getattr(self.solver, "learning_rate", None) is not None:
            for remedy in (SLOWER, FASTER):
                words[remedy] = remedy.replace("_init", " of the solver")
        left = [words.get(remedy, remedy) for remedy in remedies if not taken.get(remedy)]
        left = [remedy for remedy in dict.fromkeys(left) if not taken.get(remedy)]
        return either(left or [FEWER_LAYERS if self.n_hidden > 1 else "other initial weights"])
