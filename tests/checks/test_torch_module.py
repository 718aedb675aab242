"""torch modules: checked in float64 on a copy, with frozen random numbers."""

import sys

import numpy as np
import pytest

from sknn_opt import check_gradients

RNG = np.random.default_rng(0)
X = RNG.normal(size=(12, 4)).astype(np.float32)
Y = RNG.integers(3, size=12)


@pytest.fixture
def torch():
    return pytest.importorskip("torch")


def make_net(torch, *middle):
    torch.manual_seed(0)
    nn = torch.nn
    return nn.Sequential(nn.Linear(4, 6), nn.Tanh(), *middle, nn.Linear(6, 3))


def cross_entropy(torch):
    inputs, targets = torch.tensor(X), torch.tensor(Y)
    return lambda net: torch.nn.functional.cross_entropy(net(inputs), targets)


def test_a_correct_module_passes(torch):
    net = make_net(torch, torch.nn.Dropout(0.3), torch.nn.BatchNorm1d(6))
    weights = {name: value.clone() for name, value in net.state_dict().items()}
    state = torch.get_rng_state()
    report = check_gradients(net, cross_entropy(torch))
    assert report.passed, report
    assert [check.block for check in report.blocks] == [
        *("0.weight", "0.bias", "3.weight", "3.bias", "4.weight", "4.bias", "all")
    ]
    assert torch.equal(torch.get_rng_state(), state)
    for name, value in net.state_dict().items():
        assert torch.equal(value, weights[name])
        assert value.dtype == weights[name].dtype


def test_a_wrong_backward_is_placed(torch):
    class Wrong(torch.autograd.Function):
        @staticmethod
        def forward(ctx, z):
            ctx.save_for_backward(torch.tanh(z))
            return torch.tanh(z)

        @staticmethod
        def backward(ctx, delta):
            return delta * 0.5

    class Tanh(torch.nn.Module):
        def forward(self, z):
            return Wrong.apply(z)

    report = check_gradients(make_net(torch, torch.nn.Linear(6, 6), Tanh()), cross_entropy(torch))
    assert report.verdict == "WRONG"
    wrong = {check.block for check in report.blocks if check.verdict == "WRONG"}
    assert wrong == {"0.weight", "0.bias", "2.weight", "2.bias", "all"}
    assert report.first_bad_layer == "2"


def test_parameters_that_are_frozen_or_unused(torch):
    net = make_net(torch)
    net[0].bias.requires_grad_(False)
    report = check_gradients(net, cross_entropy(torch))
    assert "0.bias" not in {check.block for check in report.blocks}
    net.register_parameter("unused", torch.nn.Parameter(torch.ones(2)))
    report = check_gradients(net, cross_entropy(torch))
    assert report.passed
    for parameter in net.parameters():
        parameter.requires_grad_(False)
    with pytest.raises(ValueError, match="no parameters that require a gradient"):
        check_gradients(net, cross_entropy(torch))


def test_a_detached_part_has_gradient_zero(torch):
    class Detached(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = torch.nn.Linear(4, 6), torch.nn.Linear(6, 3)

        def forward(self, x):
            return self.b(torch.tanh(self.a(x)).detach())

    torch.manual_seed(0)
    report = check_gradients(Detached(), cross_entropy(torch))
    assert report.verdict == "WRONG"
    assert report.first_bad_layer == "a"
    assert any("all zero" in hint for hint in report.hints)


def test_bad_losses_are_refused(torch):
    net = make_net(torch)
    inputs = torch.tensor(X)
    with pytest.raises(TypeError, match="function of the module"):
        check_gradients(net, 3.0)
    with pytest.raises(TypeError, match="takes its loss.*got 2 arguments"):
        check_gradients(net, inputs, Y)
    with pytest.raises(ValueError, match="does not depend on the parameters.*lambda net"):
        check_gradients(net, lambda copy: net(inputs).sum())
    with pytest.raises(TypeError, match="must be a tensor of one element"):
        check_gradients(net, lambda copy: copy(inputs))
    noise = np.random.default_rng(0)
    with pytest.raises(ValueError, match="is random.*torch's own generator"):
        check_gradients(net, lambda copy: copy(inputs).sum() * noise.normal())
    with pytest.raises(TypeError, match="burn_in"):
        check_gradients(net, cross_entropy(torch), burn_in=2)


def test_without_torch_the_message_says_what_to_install(monkeypatch):
    class Module:
        def named_parameters(self):
            return []

        def register_forward_pre_hook(self, hook):
            pass

        def __call__(self, x):
            return x

    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(ImportError, match="pip install torch"):
        check_gradients(Module(), lambda net: net)
