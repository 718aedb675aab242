"""Signals of torch modules and Keras models: the same numbers as for the same network of ours."""

import copy
from itertools import pairwise

import numpy as np
import pytest
from sklearn.datasets import load_digits

from sknn_opt import InputNormalizer, MLPClassifier, SignalPropagationDisplay, check_signals
from sknn_opt.nn.activations import ACTIVATIONS

torch = pytest.importorskip("torch")
nn = torch.nn

X, Y = load_digits(return_X_y=True)
X = InputNormalizer().fit_transform(X)[:200]
Y = Y[:200]
SAME = {"relu": nn.ReLU, "tanh": nn.Tanh, "logistic": nn.Sigmoid, "selu": nn.SELU, "gelu": nn.GELU}


class Functional(nn.Module):
    """Layers whose activation is a function, called in forward."""

    def __init__(self, widths, function, norm=False):
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(*pair) for pair in pairwise(widths))
        self.norms = nn.ModuleList(nn.BatchNorm1d(n) if norm else nn.Identity() for n in widths[1:])
        self.function = function

    def forward(self, x):
        for layer, norm in zip(self.layers[:-1], self.norms, strict=False):
            x = self.function(norm(layer(x)))
        return self.layers[-1](x)


def twin(model, function, norm=False):
    """A torch module with the initial weights of one of ours."""
    objective = model.objective(X, Y)
    widths = [64, *model.hidden_layer_sizes, 10]
    module = Functional(widths, function, norm).double()
    blocks = {name: b.of(objective.theta).copy() for name, b in objective.blocks.items()}
    with torch.no_grad():
        for number, (layer, norm) in enumerate(zip(module.layers, module.norms, strict=True), 1):
            layer.weight.copy_(torch.from_numpy(blocks[f"W[{number}]"].T))
            layer.bias.copy_(torch.from_numpy(blocks.get(f"b[{number}]", np.zeros(1))))
            if f"beta[{number}]" in blocks:
                norm.bias.copy_(torch.from_numpy(blocks[f"beta[{number}]"]))
    return module


@pytest.mark.parametrize("norm", [False, True])
@pytest.mark.parametrize("activation", SAME)
@pytest.mark.parametrize("init", ["auto", "glorot_uniform"])
def test_the_same_network_has_the_same_signals(activation, init, norm):
    model = MLPClassifier(
        (30, 25, 20), activation=activation, init=init, batch_norm=norm, random_state=0
    )
    ours = check_signals(model, X, Y)
    theirs = check_signals(twin(model, SAME[activation](), norm), X, Y, loss=nn.CrossEntropyLoss())
    assert theirs.verdict == ours.verdict
    for one, other in zip(ours.layers, theirs.layers, strict=True):
        for name in ("z_rms", "a_rms", "forward_gain", "dead", "saturated", "weight_norm"):
            expected = pytest.approx(getattr(one, name), rel=1e-4, abs=1e-9, nan_ok=True)
            assert getattr(other, name) == expected, name
        assert other.cosine == pytest.approx(one.cosine, abs=1e-4)
        assert other.effective_rank == pytest.approx(one.effective_rank, rel=1e-4)
        assert other.gradient_norm == pytest.approx(one.gradient_norm, rel=1e-3)
        if other.layer > 1:  # two random gradients
            assert other.backward_gain == pytest.approx(one.backward_gain, rel=0.2)


@pytest.mark.parametrize(
    ("depth", "std", "function", "verdict", "remedy"),
    [
        (2, None, nn.ReLU, "healthy", None),
        (20, 0.01, nn.ReLU, "vanishing", "1.41 / √n_in"),
        (20, None, nn.Sigmoid, "vanishing", "4.56 / √n_in"),
        (20, 1.0, nn.ReLU, "exploding", "BatchNorm1d"),
        (3, 3.0, nn.Tanh, "saturated", "1.24 / √n_in"),
    ],
)
@pytest.mark.parametrize("norm", [False, True])
def test_verdicts_on_modules(depth, std, function, verdict, remedy, norm):
    torch.manual_seed(0)
    module = Functional([64, *[50] * depth, 10], function(), norm)
    for layer in module.layers if std else ():
        nn.init.normal_(layer.weight, 0, std)
    report = check_signals(module, X)
    if norm and function is nn.ReLU:
        assert report.verdict in ("healthy", "collapsed")
    elif not norm:
        assert report.verdict == verdict, report
        assert remedy is None or remedy in report.findings[0].remedy
    assert not norm or not any("BatchNorm" in finding.remedy for finding in report.findings)
    assert not any(f"torch.nn.{function.__name__}" in f.remedy for f in report.findings)


def test_initial_weights_that_fit_are_not_advised():
    torch.manual_seed(0)
    module = Functional([64, *[50] * 40, 10], nn.ReLU())
    for layer in module.layers:
        nn.init.kaiming_normal_(layer.weight)
        nn.init.zeros_(layer.bias)
    nn.init.normal_(module.layers[0].weight, 0, 64**-0.5)
    report = check_signals(module, X)
    assert report.verdict == "collapsed"
    assert "initial weights" not in report.findings[0].remedy
    assert "BatchNorm" in report.findings[0].remedy


def test_a_convolutional_network_in_place():
    torch.manual_seed(0)
    module = nn.Sequential(
        nn.Conv2d(1, 8, 3),
        nn.BatchNorm2d(8),
        nn.ReLU(inplace=True),
        nn.MaxPool2d(2),
        nn.Conv2d(8, 16, 3),
        nn.ReLU(inplace=True),
        nn.Flatten(),
        nn.Linear(16, 10),
    )
    before = copy.deepcopy(module.state_dict())
    report = check_signals(module, X.reshape(-1, 1, 8, 8).astype(np.float32))
    assert report.passed
    assert [layer.n_units for layer in report.layers] == [8, 16, 10]
    assert report.layers[1].z_rms > 0
    assert "1 is 0, 2 is 4, 3 is 7" in str(report)
    after = module.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert not any(part._forward_hooks for part in module.modules())
    assert next(module.parameters()).dtype == torch.float32


def test_embeddings_and_dropout():
    torch.manual_seed(0)
    module = nn.Sequential(
        nn.Embedding(50, 16),
        nn.Flatten(),
        nn.Linear(64, 30),
        nn.Tanh(),
        nn.Dropout(),
        nn.Linear(30, 1),
    )
    words = torch.randint(50, (100, 4))
    first, second = (str(check_signals(module, words)) for _ in range(2))
    assert first == second
    assert check_signals(module, words).passed


def test_modules_that_were_used_before():
    normed = nn.utils.spectral_norm(nn.Linear(64, 20))
    module = nn.Sequential(normed, nn.Tanh(), nn.Linear(20, 20), nn.Tanh(), nn.Linear(20, 3))
    module(torch.zeros(2, 64))  # it keeps a weight with a graph
    assert check_signals(module, torch.from_numpy(X).float()).passed


@pytest.mark.parametrize("value", [0.0, 0.1])
def test_equal_and_zero_weights_of_modules_are_named(value):
    module = Functional([64, 30, 30, 10], nn.Tanh())
    for parameter in module.parameters():
        nn.init.constant_(parameter, value)
    report = check_signals(module, X)
    assert not report.passed
    said = "weights are all 0" if value == 0 else "30 units have equal weights"
    assert said in report.findings[0].message
    assert "initial weights" in report.findings[0].remedy


def test_units_that_are_dead_in_a_module():
    module = Functional([64, 30, 10], nn.ReLU())
    nn.init.constant_(module.layers[0].bias, -1e3)
    report = check_signals(module, X)
    assert report.verdict == "dead"
    assert report.layers[0].dead == 1


def test_a_module_is_drawn():
    pytest.importorskip("matplotlib")
    display = SignalPropagationDisplay.from_estimator(Functional([64, 30, 30, 10], nn.Tanh()), X)
    assert display.plot().ax_.shape == (2, 1)


class Pair(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(64, 3)

    def forward(self, x):
        return self.layer(x), x


@pytest.mark.parametrize(
    ("module", "rows", "options", "error", "message"),
    [
        (
            nn.Linear(64, 1),
            X,
            {},
            ValueError,
            "called 1 layers with weights: a network",
        ),
        (Pair(), X, {}, TypeError, "Pair returns tuple; check_signals needs a module that returns"),
        (Functional([64, 5, 1], torch.tanh), X[:1], {}, ValueError, "X has 1 row, and variances"),
        (Functional([64, 5, 1], torch.tanh), 0 * X, {}, ValueError, "X is zero everywhere"),
        (
            Functional([64, 5, 1], torch.tanh),
            np.full_like(X, np.nan),
            {},
            ValueError,
            "X contains NaN",
        ),
        (
            Functional([64, 5, 1], torch.tanh),
            X,
            {"sample_weight": np.ones(200)},
            TypeError,
            "sample_weight does not apply to modules",
        ),
        (
            Functional([64, 5, 1], torch.tanh),
            X,
            {"y": Y, "loss": lambda out, y: out},
            ValueError,
            "must be a tensor of one element",
        ),
        (
            MLPClassifier(),
            X,
            {"y": Y, "loss": nn.MSELoss()},
            TypeError,
            "loss is for torch modules",
        ),
    ],
)
def test_what_is_refused(module, rows, options, error, message):
    with pytest.raises(error, match=message):
        check_signals(module, rows, **options)


def test_all_activations_are_recognized():
    from sknn_opt.checks.signals.recorded import Recorded

    z = np.random.default_rng(0).normal(size=(50, 4))
    for name, function in ACTIVATIONS.items():
        a = z.copy()
        function.forward(a, *np.empty((function.n_scratch, *a.shape)))
        assert Recorded("", np.ones((4, 3)), z, a).activation() == name
    assert Recorded("", np.ones((4, 3)), z, np.sin(z)).activation() is None
    assert Recorded("", np.ones((4, 3)), z, a[:, :2]).activation() is None
