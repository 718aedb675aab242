"""Functions of torch tensors and of jax arrays, with their own gradients or without."""

import numpy as np
import pytest

from sknn_opt import check_gradients, check_hessian

RNG = np.random.default_rng(0)
X, W, b = RNG.normal(size=(7, 3)), RNG.normal(size=(3, 2)), RNG.normal(size=2)


@pytest.fixture
def torch():
    return pytest.importorskip("torch")


@pytest.fixture(params=[False, True], ids=["float32", "float64"])
def jax(request):
    jax = pytest.importorskip("jax")
    before = jax.config.jax_enable_x64
    jax.config.update("jax_enable_x64", request.param)
    yield jax
    jax.config.update("jax_enable_x64", before)
    jax.clear_caches()


def verdicts(report):
    return {check.block: check.verdict for check in report.blocks if check.block != "all"}


# torch --------------------------------------------------------------------------------------------


def tensors(torch, dtype=None):
    dtype = dtype or torch.float64
    return {"W": torch.tensor(W, dtype=dtype), "b": torch.tensor(b, dtype=dtype)}


def half_backward(torch):
    """tanh with a backward that is half of what it should be."""

    class Half(torch.autograd.Function):
        @staticmethod
        def forward(ctx, z):
            ctx.save_for_backward(z.tanh())
            return z.tanh()

        @staticmethod
        def backward(ctx, delta):
            return delta * (1 - ctx.saved_tensors[0] ** 2) / 2

    return Half.apply


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("leaf", [False, True])
def test_the_gradient_of_autograd(torch, dtype, leaf):
    data = torch.tensor(X)

    def f(p, act=torch.tanh):
        return act(data.to(p["W"].dtype) @ p["W"] + p["b"]).pow(2).mean()

    x0 = {k: v.requires_grad_(leaf) for k, v in tensors(torch, getattr(torch, dtype)).items()}
    report = check_gradients(f, x0)
    assert report.passed
    assert report.relative_error < 1e-8
    assert report.notes == ("no gradient was given: that of torch.autograd was checked",)
    assert check_gradients(f, x0, points=3).passed
    assert check_gradients(f, x0, jac=torch.func.grad(f)).passed
    half = half_backward(torch)
    assert check_gradients(lambda p: f(p, half), x0).verdict == "WRONG"
    assert check_gradients(f, x0, args=(half,)).verdict == "WRONG"
    assert all(v.requires_grad == leaf and v.grad is None for v in x0.values())


def test_a_function_of_torch_by_itself(torch):
    z = torch.tensor(b)
    for function in (torch.tanh, torch.sin, lambda t: t.exp().sum()):
        assert check_gradients(function, z).passed
    report = check_gradients(half_backward(torch), z)
    assert report.verdict == "WRONG"
    assert "2 times too small: an extra 1/2" in report.hints[0]
    assert check_gradients(torch.tanh, torch.tensor(0.3)).passed
    assert check_gradients(half_backward(torch), torch.tensor(0.3)).verdict == "WRONG"


@pytest.mark.filterwarnings("ignore:.*torch.jit.script:DeprecationWarning")
def test_jacobians_and_hessians_of_torch(torch):
    data = torch.tensor(X)

    def f(w):
        return torch.tanh(data @ w)

    def total(w):
        return f(w).pow(2).sum()

    assert check_gradients(f, torch.func.jacrev(f), torch.tensor(W)).passed
    assert check_gradients(f, lambda w: 2 * torch.func.jacrev(f)(w), torch.tensor(W[:, 0])).hints
    assert check_hessian(torch.func.grad(total), torch.func.hessian(total), torch.tensor(W)).passed


def test_a_tensor_without_gradient_and_parts_that_are_not_used(torch):
    p = [torch.tensor(W), torch.tensor(b)]
    report = check_gradients(lambda p: p[0].pow(2).sum(), p)
    assert report.passed
    for cut in (
        lambda p: p[0].detach().sum() + 0 * p[1].detach().sum(),
        lambda p: p[0].sum().item(),
    ):
        with pytest.raises(TypeError, match="what autograd cannot follow back to x0"):
            check_gradients(cut, p)
    with pytest.raises(TypeError, match="must return the pair"):
        check_gradients(np.sum, W)
    with pytest.raises(TypeError, match="must return the pair"):  # not all are tensors
        check_gradients(lambda p: p[0].sum() * p[1], [p[0], 2.0])


def test_sparse_gradients_of_torch(torch):
    rows = torch.tensor([0, 2, 2])

    def f(E):
        return torch.nn.functional.embedding(rows, E, sparse=True).pow(2).sum()

    def slopes(E):
        E = E.detach().clone().requires_grad_()
        f(E).backward()
        return E.grad

    E = torch.tensor(RNG.normal(size=(5, 2)))
    assert slopes(E).is_sparse
    assert check_gradients(f, slopes, E).passed
    assert check_gradients(f, E).passed
    assert check_gradients(f, lambda E: 2 * slopes(E), E).verdict == "WRONG"


def test_what_torch_has_and_numpy_has_not(torch):
    with pytest.raises(TypeError, match="x0 must be float64 or float32.*conventions"):
        check_gradients(lambda z: z.abs().sum(), torch.tensor(b + 1j))
    for dtype in (torch.float16, torch.bfloat16):
        with pytest.raises(TypeError, match="x0 must be float64 or float32; its dtype is.*float16"):
            check_gradients(lambda z: z.sum(), torch.tensor(b, dtype=dtype))
    # a loss in bfloat16 is read, however little can be seen of it
    report = check_gradients(lambda z: z.bfloat16().pow(2).sum(), lambda z: 2 * z, torch.tensor(b))
    assert report.verdict != "WRONG"


# jax ----------------------------------------------------------------------------------------------


# What is closed over are arrays of jax: those of NumPy trip over a switch of precision midway.


def arrays(jax):
    return {"W": jax.numpy.asarray(W), "b": jax.numpy.asarray(b)}


def loss_of(jax):
    data = jax.numpy.asarray(X)

    def loss(p):
        return jax.numpy.mean(jax.numpy.tanh(data @ p["W"] + p["b"]) ** 2)

    return loss


@pytest.mark.parametrize("jit", [False, True])
def test_gradients_of_jax(jax, jit):
    loss, p = loss_of(jax), arrays(jax)
    way = jax.jit if jit else lambda f: f
    for inputs in (
        (way(loss), way(jax.grad(loss)), p),
        (way(jax.value_and_grad(loss)), p),
        (way(loss), p),
    ):
        report = check_gradients(*inputs)
        assert report.passed, report
        assert (
            any("jax_enable_x64" in note for note in report.notes) is not jax.config.jax_enable_x64
        )
        if jax.config.jax_enable_x64:
            assert report.relative_error < 1e-9
    report = check_gradients(way(loss), lambda p: {**jax.grad(loss)(p), "b": 1.3 * p["b"]}, p)
    assert verdicts(report) == {"W": "OK", "b": "WRONG"}


def test_a_custom_derivative_of_jax(jax):
    @jax.custom_vjp
    def square(x):
        return x**2

    square.defvjp(lambda x: (x**2, x), lambda x, g: (g * x,))
    for inputs in (
        (lambda x: square(x).sum(), jax.numpy.asarray(b)),
        (square, jax.numpy.asarray(b)),
    ):
        report = check_gradients(*inputs)
        assert report.verdict == "WRONG"
        assert "2 times too small" in report.hints[0]


def test_functions_get_arrays_of_jax(jax):
    def f(x):
        assert isinstance(x, jax.Array)
        return jax.numpy.sum(x.at[0].set(0.0) ** 2)

    assert check_gradients(f, jax.grad(f), jax.numpy.asarray(b)).passed


def test_jacobians_and_hessians_of_jax(jax):
    loss, p, data = loss_of(jax), arrays(jax), jax.numpy.asarray(X)

    def residuals(p):
        return jax.numpy.tanh(data @ p["W"] + p["b"])

    assert check_gradients(residuals, jax.jacobian(residuals), p).passed
    assert check_gradients(residuals, p, points=3).passed
    assert check_hessian(jax.grad(loss), jax.hessian(loss), p).passed

    def hessp(x, v):
        return jax.jvp(jax.grad(loss), (x,), (v,))[1]

    assert check_hessian(jax.grad(loss), p, hessp=hessp, points=2).passed
    wrong = check_hessian(
        jax.grad(loss), p, hessp=lambda x, v: jax.tree.map(lambda a: 2 * a, hessp(x, v))
    )
    assert wrong.verdict == "WRONG"


def test_pytrees_of_a_class_of_its_own(jax):
    @jax.tree_util.register_pytree_with_keys_class
    class Layer:
        def __init__(self, W, b, name):
            self.W, self.b, self.name = W, b, name

        def tree_flatten_with_keys(self):
            key = jax.tree_util.GetAttrKey
            return ((key("W"), self.W), (key("b"), self.b)), self.name

        @classmethod
        def tree_unflatten(cls, name, children):
            return cls(*children, name)

    data = jax.numpy.asarray(X)

    def f(p):
        assert p["first"].name == "one"
        return jax.numpy.sum(jax.numpy.tanh(data @ p["first"].W + p["first"].b)) * p["scale"]

    p = {"first": Layer(**arrays(jax), name="one"), "scale": jax.numpy.asarray(2.0)}
    for inputs in ((f, jax.grad(f), p), (f, p)):
        report = check_gradients(*inputs)
        assert report.passed
        assert list(verdicts(report)) == ["first.W", "first.b", "scale"]
    assert check_gradients(f, jax.grad(f), p, points=[p]).passed
    with pytest.raises(TypeError, match="'first' must be a pytree as the parameters are.*got dict"):
        check_gradients(f, lambda p: {"first": arrays(jax), "scale": 1.0}, p)

    def renamed(p):
        found = jax.grad(f)(p)
        return {**found, "first": Layer(found["first"].W, found["first"].b, "two")}

    with pytest.raises(TypeError, match=r"'first' must be a pytree.*\[one\].*\[two\]"):
        check_gradients(f, renamed, p)


def test_what_jax_has_and_is_refused(jax):
    with pytest.raises(TypeError, match="conventions"):
        check_gradients(lambda z: jax.numpy.sum(abs(z)), jax.numpy.asarray(b + 1j))
    with pytest.raises(TypeError, match="x0 has dtype int.*small steps of integers"):
        check_gradients(lambda z: jax.numpy.sum(z), jax.numpy.arange(3))
