"""torch modules that were used before: what they keep from call to call is held still."""

import threading
from collections import deque

import numpy as np
import pytest

from sknn_opt import check_gradients

torch = pytest.importorskip("torch")
nn, functional = torch.nn, torch.nn.functional
parametrizations = nn.utils.parametrizations


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


@pytest.fixture
def inputs():
    return torch.randn(12, 4)


@pytest.fixture
def loss(inputs):
    targets = torch.arange(12) % 3
    return lambda net: functional.cross_entropy(net(inputs), targets)


class Recurrent(nn.Module):
    """A net that goes on from the hidden state of its last call."""

    def __init__(self, kind="LSTM", detach=True, **options):
        super().__init__()
        self.rnn = getattr(nn, kind)(4, 5, batch_first=True, **options)
        self.out, self.h, self.detach = nn.Linear(5, 3), None, detach

    def forward(self, x):
        series, h = self.rnn(x[:, None].repeat(1, 3, 1), self.h)
        if self.detach:
            h = tuple(each.detach() for each in h) if isinstance(h, tuple) else h.detach()
        self.h = h
        return self.out(series[:, -1])


@pytest.mark.parametrize("kind", ["RNN", "GRU", "LSTM"])
@pytest.mark.parametrize("detach", [True, False])
@pytest.mark.parametrize("used", [0, 1, 3])
def test_a_hidden_state_that_is_carried_on(kind, detach, used, inputs, loss):
    net = Recurrent(kind, detach)
    for _ in range(used):
        net(inputs)
    before = net.h
    assert check_gradients(net, loss).passed
    assert net.h is before
    assert check_gradients(net, loss, points=2).passed


class Kept(nn.Module):
    """Keeps its state in one of several ways."""

    def __init__(self, way):
        super().__init__()
        self.linear, self.way = nn.Linear(4, 3), way
        self.calls, self.seen, self.tensor = 0, [], torch.ones(3)
        self.last_two = deque(maxlen=2)
        self.register_buffer("mean", torch.zeros(3))

    def forward(self, x):
        z = self.linear(x)
        if self.way == "counter":
            self.calls += 1
            return z * (1 + 0.1 * self.calls)
        if self.way == "list":
            self.seen.append(z)
            return sum(self.seen)
        if self.way == "deque":
            self.last_two.append(z)
            return sum(self.last_two)
        if self.way == "tensor in place":
            self.tensor += 0.1 * z.mean(0)
            return z * self.tensor
        if self.way == "tensor with a graph":
            self.tensor = self.tensor + 0.1 * z.mean(0)
            return z * self.tensor
        if self.way == "new attribute":
            self.last = getattr(self, "last", 0) + z
            return self.last
        if self.way == "buffer in place":
            self.mean.mul_(0.9).add_(z.mean(0))
        else:
            self.mean = 0.9 * self.mean + z.mean(0)  # a new tensor, with a graph
        return z - self.mean


@pytest.mark.parametrize(
    "way",
    [
        *("counter", "list", "deque", "tensor in place", "tensor with a graph", "new attribute"),
        *("buffer in place", "buffer replaced"),
    ],
)
@pytest.mark.parametrize("used", [False, True])
def test_each_call_starts_from_the_same_state(way, used, inputs, loss):
    net = Kept(way)
    if used:
        net(inputs)
        net(inputs)
    assert check_gradients(net, loss).passed
    assert check_gradients(nn.Sequential(net, nn.Tanh()), loss).passed


SPECTRAL = {
    "parametrization": parametrizations.spectral_norm,
    "hook": nn.utils.spectral_norm,
}


@pytest.mark.parametrize("kind", SPECTRAL)
@pytest.mark.parametrize("used", [False, True])
@pytest.mark.parametrize("width", [6, 64])
def test_spectral_norm(kind, used, width, inputs, loss):
    normed = SPECTRAL[kind](nn.Linear(4, width))
    deeper = SPECTRAL[kind](nn.Linear(width, width))
    net = nn.Sequential(normed, nn.Tanh(), deeper, nn.Tanh(), nn.Linear(width, 3))
    if used:
        loss(net).backward()
        net(inputs)
    state = {name: value.clone() for name, value in net.state_dict().items()}
    report = check_gradients(net, loss)
    assert report.passed, report
    assert report.notes == ("spectral norm was checked with the vectors u and v of its last call",)
    assert all(torch.equal(value, state[name]) for name, value in net.state_dict().items())
    net.eval()
    assert check_gradients(net, loss).passed


@pytest.mark.filterwarnings("ignore::FutureWarning")
@pytest.mark.parametrize("norm", [nn.utils.weight_norm, parametrizations.weight_norm])
@pytest.mark.parametrize("used", [False, True])
def test_weight_norm(norm, used, inputs, loss):
    net = nn.Sequential(norm(nn.Linear(4, 6)), nn.Tanh(), nn.Linear(6, 3))
    if used:
        loss(net).backward()
    report = check_gradients(net, loss)
    assert report.passed
    assert report.notes == ()


@pytest.mark.parametrize("momentum", [0.1, None])
@pytest.mark.parametrize("training", [True, False])
def test_batch_norm_and_dropout_that_were_used(momentum, training, inputs, loss):
    middle = nn.BatchNorm1d(6, momentum=momentum), nn.Dropout(0.3), nn.Tanh()
    net = nn.Sequential(nn.Linear(4, 6), *middle, nn.Linear(6, 3))
    for _ in range(3):
        loss(net).backward()
    net.train(training)
    assert check_gradients(net, loss).passed


def test_a_bug_is_found_through_all_this(inputs, loss):
    class Half(torch.autograd.Function):
        @staticmethod
        def forward(ctx, z):
            return z.clone()

        @staticmethod
        def backward(ctx, delta):
            return delta / 2

    class Wrong(Recurrent):
        def forward(self, x):
            return super().forward(Half.apply(self.inner(x)))

    net = Wrong()
    net.inner = parametrizations.spectral_norm(nn.Linear(4, 4))
    net(inputs)
    report = check_gradients(net, loss)
    assert report.verdict == "WRONG"
    wrong = {check.block for check in report.blocks if check.verdict == "WRONG"}
    assert wrong == {"inner.parametrizations.weight.original", "inner.bias", "all"}


@pytest.mark.filterwarnings("ignore:.*torch.jit.script:DeprecationWarning")
def test_a_script_is_refused(loss):
    for net in (
        torch.jit.script(nn.Linear(4, 3)),
        nn.Sequential(torch.jit.script(nn.Linear(4, 3))),
    ):
        with pytest.raises(TypeError, match="a script of torch.jit: pass the module that it was"):
            check_gradients(net, loss)


# Single precision around the copy -----------------------------------------------------------------


class Zeros(nn.Module):
    """Makes its first hidden state by itself, in the default dtype."""

    def __init__(self):
        super().__init__()
        self.rnn, self.out = nn.LSTM(4, 5), nn.Linear(5, 3)
        self.scale = torch.randn(4, 4)

    def forward(self, x):
        h = torch.zeros(1, len(x), 5), torch.zeros(1, len(x), 5)
        return self.out(self.rnn((x @ self.scale)[None], h)[0][-1])


LOSSES = {
    "weights": lambda z, y: functional.cross_entropy(z, y, weight=torch.ones(3)),
    "nll": lambda z, y: functional.nll_loss(z.log_softmax(1), y, weight=torch.ones(3)),
    "huber": lambda z, y: functional.huber_loss(z, functional.one_hot(y, 3).float()),
    "mse": lambda z, y: functional.mse_loss(z, functional.one_hot(y, 3).float()),
    "matmul": lambda z, y: (z @ torch.ones(3, 2)).pow(2).mean(),
    "bce": lambda z, y: functional.binary_cross_entropy(
        z.sigmoid(), functional.one_hot(y, 3).float()
    ),
}


@pytest.mark.parametrize("kind", LOSSES)
@pytest.mark.parametrize("make", [lambda: nn.Linear(4, 3), Zeros], ids=["linear", "zeros"])
def test_losses_with_tensors_of_single_precision(kind, make, inputs):
    targets = torch.arange(12) % 3
    report = check_gradients(make(), lambda net: LOSSES[kind](net(inputs), targets))
    assert report.passed
    assert report.relative_error < 1e-8
    assert torch.get_default_dtype() == torch.float32


def test_half_precision_weights_are_checked_in_float64(inputs, loss):
    for net in (nn.Linear(4, 3).half(), nn.Linear(4, 3).bfloat16()):
        assert check_gradients(net, loss).relative_error < 1e-8


# Refusals -----------------------------------------------------------------------------------------


def test_what_cannot_be_checked_is_refused(inputs, loss):
    with pytest.raises(
        ValueError, match="'weight' of the module has no shape yet: call the module"
    ):
        check_gradients(nn.LazyLinear(3), loss)

    class Complex(nn.Module):
        def __init__(self):
            super().__init__()
            self.w = nn.Parameter(torch.randn(4, 3, dtype=torch.cfloat))

        def forward(self, x):
            return (x.to(self.w.dtype) @ self.w).abs()

    with pytest.raises(TypeError, match="'w' of the module is complex.*conventions.*two real"):
        check_gradients(Complex(), loss)

    class Locked(nn.Linear):
        def __init__(self):
            super().__init__(4, 3)
            self.lock = threading.Lock()

    with pytest.raises(TypeError, match="checked on a copy, and cannot be copied.*lock"):
        check_gradients(Locked(), loss)
    message = r"The loss raised RuntimeError \(mat1.*at the module's parameters, so it cannot"
    with pytest.raises(ValueError, match=message):
        check_gradients(nn.Linear(7, 3), loss)


def test_a_state_outside_of_the_module_is_still_refused(inputs):
    calls = []

    def drifting(net):
        calls.append(1)
        return net(inputs).sum() * len(calls)

    with pytest.raises(ValueError, match="calls at the same point gave"):
        check_gradients(nn.Linear(4, 3), drifting)


def test_the_module_keeps_its_own_state(inputs, loss):
    net = Kept("list")
    net(inputs)
    seen, theta = list(net.seen), net.linear.weight.clone()
    check_gradients(net, loss)
    assert len(net.seen) == 1
    assert net.seen[0] is seen[0]
    assert net.seen[0].requires_grad
    assert torch.equal(net.linear.weight, theta)
    np.testing.assert_array_equal(net.tensor.numpy(), 1)
