"""The layers of the examples: values and gradients against torch, and what is said of mistakes."""

import importlib

import numpy as np
import pytest
from layers_by_hand import attention, batch_norm, convolution, embedding, layer_norm, lstm, rnn
from true_hints import is_true

from sknn_opt import check_gradients

SIZES = {
    convolution: [
        {"pad": 0, "stride": 1},
        {"m": 1, "n_H_prev": 4, "n_W_prev": 7, "n_C_prev": 3, "f": 2, "n_C": 2, "stride": 3},
        {"m": 3, "n_H_prev": 3, "n_W_prev": 3, "f": 1, "n_C": 1, "stride": 1, "pad": 2},
    ],
    batch_norm: [{"n": 1, "m": 5}, {"n": 6, "m": 3}, {"n": 3, "m": 20}],
    layer_norm: [{"n": 4, "m": 1}, {"n": 3, "m": 6}, {"n": 20, "m": 3}],
    rnn: [{"T": 1}, {"n_x": 2, "n_a": 5, "m": 3, "T": 3}, {"n_x": 5, "n_a": 3, "m": 1, "T": 12}],
    lstm: [{"T": 1}, {"n_x": 2, "n_a": 3, "m": 3, "T": 3}, {"n_x": 4, "n_a": 2, "m": 1, "T": 9}],
    attention: [
        {"causal": True},
        {"m": 1, "T": 6, "n_x": 3, "d": 4, "n_v": 5},
        {"m": 3, "T": 2, "n_x": 2, "d": 1, "n_v": 1},
    ],
    embedding: [{"n_words": 3, "T": 8}, {"n_words": 50, "n_e": 2}, {"m": 1, "T": 4, "n_e": 6}],
}
LAYERS = list(SIZES)
CASES = [(layer, sizes) for layer in LAYERS for sizes in ({}, *SIZES[layer])]
FEW_CASES = [(layer, sizes) for layer in LAYERS for sizes in ({}, SIZES[layer][1])]


def name(value):
    """A layer by its file, sizes as they are written."""
    if isinstance(value, dict):
        return "-".join(f"{key}{size}" for key, size in value.items()) or "default"
    return value.__name__.rpartition(".")[2]


each_case = pytest.mark.parametrize(("layer", "sizes"), CASES, ids=name)


def drawn(layer, sizes):
    """Settings, a point, and the weights of the outputs."""
    rng = np.random.default_rng(1)
    settings, point = layer.draw(rng, **sizes)
    return settings, point, rng.normal(size=layer.forward(**point, **settings)[0].shape)


def gradients(layer, sizes, backward):
    """What a backward pass says, by block."""
    settings, point, dout = drawn(layer, sizes)
    found = backward(dout, layer.forward(**point, **settings)[1])
    assert set(found) == {f"d{block}" for block in point}
    return {block: found[f"d{block}"] for block in point}


# --- torch as the oracle --------------------------------------------------------------------------


def convolution_of_torch(torch, A_prev, W, b, stride, pad):
    A, W = A_prev.permute(0, 3, 1, 2), W.permute(3, 2, 0, 1)
    return torch.nn.functional.conv2d(A, W, b, stride, pad).permute(0, 2, 3, 1)


def batch_norm_of_torch(torch, Z, gamma, beta, epsilon):
    norm = torch.nn.functional.batch_norm
    return norm(Z.T, None, None, gamma[:, 0], beta[:, 0], training=True, eps=epsilon).T


def layer_norm_of_torch(torch, X, gamma, beta, epsilon):
    return torch.nn.functional.layer_norm(X.T, (len(X),), gamma[:, 0], beta[:, 0], epsilon).T


def rnn_of_torch(torch, x, a0, Wax, Waa, ba):
    weights = [Wax, Waa, ba[:, 0], torch.zeros_like(ba[:, 0])]
    a, _ = torch.rnn_tanh(x.permute(2, 1, 0), a0.T[None], weights, True, 1, 0, False, False, False)
    return a.permute(2, 1, 0)


def lstm_of_torch(torch, x, a0, c0, Wf, bf, Wi, bi, Wc, bc, Wo, bo):
    W, b = torch.vstack([Wi, Wf, Wc, Wo]), torch.vstack([bi, bf, bc, bo])[:, 0]
    weights = [W[:, len(a0) :], W[:, : len(a0)], b, torch.zeros_like(b)]
    x, start = x.permute(2, 1, 0), [a0.T[None], c0.T[None]]
    return torch.lstm(x, start, weights, True, 1, 0, False, False, False)[0].permute(2, 1, 0)


def attention_of_torch(torch, X, Wq, bq, Wk, bk, Wv, bv, causal):
    attend = torch.nn.functional.scaled_dot_product_attention
    return attend(X @ Wq + bq, X @ Wk + bk, X @ Wv + bv, is_causal=causal)


def embedding_of_torch(torch, E, words):
    return torch.nn.functional.embedding(torch.tensor(words), E)


@each_case
def test_values_and_gradients_are_those_of_torch(layer, sizes):
    torch = pytest.importorskip("torch")
    settings, point, dout = drawn(layer, sizes)
    theirs = {block: torch.tensor(array, requires_grad=True) for block, array in point.items()}
    out = globals()[f"{name(layer)}_of_torch"](torch, **theirs, **settings)
    out.backward(torch.tensor(dout))
    np.testing.assert_allclose(layer.forward(**point, **settings)[0], out.detach(), atol=1e-12)
    for block, ours in gradients(layer, sizes, layer.backward).items():
        expected = theirs[block].grad
        np.testing.assert_allclose(ours, expected, rtol=1e-10, atol=1e-12, err_msg=block)


# --- what check_gradients says --------------------------------------------------------------------


def report_of(layer, sizes, backward):
    """The report on a backward pass."""
    settings, point, dout = drawn(layer, sizes)
    return check_gradients(
        lambda p: np.sum(dout * layer.forward(**p, **settings)[0]),
        lambda p: backward(dout, layer.forward(**p, **settings)[1]),
        point,
    )


@each_case
def test_correct_layers_are_called_correct(layer, sizes):
    report = report_of(layer, sizes, layer.backward)
    assert report.verdict == "OK", report
    assert not report.hints


@pytest.fixture(scope="module")
def page():
    """The page of the gallery, which runs as it is imported."""
    pytest.importorskip("matplotlib").use("Agg")
    pyplot = pytest.importorskip("matplotlib.pyplot")
    page = importlib.import_module("plot_layers_by_hand")
    pyplot.close("all")
    return page


@pytest.mark.parametrize("layer", LAYERS, ids=name)
def test_the_page_has_five_different_mistakes_of_each_layer(page, layer):
    assert len(page.mistakes[layer]) == 5
    wrong = [
        np.concatenate([found.ravel() for found in gradients(layer, {}, backward).values()])
        for backward in (page.broken(layer, *edit) for edit in page.mistakes[layer].values())
    ]
    for k, one in enumerate(wrong):
        assert not any(np.allclose(one, other) for other in wrong[:k])


@pytest.mark.parametrize(("layer", "sizes"), FEW_CASES, ids=name)
def test_what_is_said_of_mistakes(page, layer, sizes):
    """The blocks that differ from the correct gradient are WRONG, no others, and hints are true."""
    correct = gradients(layer, sizes, layer.backward)
    for mistake, edit in page.mistakes[layer].items():
        backward = page.broken(layer, *edit)
        claimed = gradients(layer, sizes, backward)
        report = report_of(layer, sizes, backward)
        wrong = {
            block for block in correct if not np.allclose(claimed[block], correct[block], 1e-8)
        }
        said = {check.block for check in report.blocks if check.verdict == "WRONG"} - {"all"}
        assert said == wrong, f"{mistake}\n{report}"
        assert report.passed == (not wrong)
        assert wrong or sizes, f"{mistake} is none"
        for hint in report.hints:
            assert is_true(hint, claimed, correct, drawn(layer, sizes)[1]), f"{mistake}\n{report}"


def test_a_single_step_names_the_gate(page):
    """As the page says: a mistake in one gate of an LSTM is in all blocks of a longer sequence."""
    edit = page.mistakes[lstm]["without the derivative of a sigmoid"]
    for n_steps, expected in ((1, {"x", "a0", "Wf", "bf"}), (5, set(drawn(lstm, {})[1]))):
        report = page.check(lstm, page.broken(lstm, *edit), T=n_steps)
        wrong = {check.block for check in report.blocks if check.verdict == "WRONG"} - {"all"}
        assert wrong == expected


# --- hints ----------------------------------------------------------------------------------------

TRUE_OR_FALSE = {
    True: (
        "b is 2 times the right one: a missing 1/2",
        "W has to be zero: to first order f does not change with it at this point",
        "c holds the correct numbers in the wrong order",
        "c is wrong in 2 of 3 elements",
        "d is wrong only in element [0, 1]: zero",
        "d is wrong only in row 0: zero",
        "d is wrong only in column 1",
        "d is wrong in all columns but 0",
    ),
    False: (
        "b is 3 times the right one: if there are 3 rows, the 1/N is missing",
        "b is 0.5 times the right one, 2 times too small: an extra 1/2",
        "b, W are 2 times the right one",
        "b has to be zero: to first order f does not change with it at this point",
        "b holds the correct numbers in the wrong order",
        "c is wrong in 1 of 3 elements",
        "d is wrong only in element [1, 0]: zero",
        "d is wrong only in element [0, 1]: the sign",
        "d is wrong only in column 0",
        "d is wrong only in row 0: 0.5 times",
        "d is wrong in all columns but 1",
        "b is upside down",
    ),
}


@pytest.mark.parametrize(("truth", "hints"), TRUE_OR_FALSE.items())
def test_false_hints_are_seen(truth, hints):
    correct = {"b": [1, 2], "W": [[0, 0]], "c": [1, 2, 3], "d": [[1, 2], [3, 4]]}
    claimed = {"b": [2, 4], "W": [[1, 2]], "c": [2, 1, 3], "d": [[1, 0], [3, 4]]}
    sides = [
        {block: np.array(v, float) for block, v in side.items()} for side in (claimed, correct)
    ]
    for hint in hints:
        assert bool(is_true(hint, *sides, sides[1])) == truth, hint
