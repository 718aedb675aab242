"""
Seven layers by hand, and their commonest mistakes
==================================================

The folder ``layers_by_hand`` holds seven layers in plain NumPy, a dozen lines for each direction:
:doc:`convolution <layers_by_hand/convolution>`, :doc:`batch norm <layers_by_hand/batch_norm>`,
:doc:`layer norm <layers_by_hand/layer_norm>`, :doc:`RNN <layers_by_hand/rnn>`, :doc:`LSTM
<layers_by_hand/lstm>`, :doc:`attention <layers_by_hand/attention>` and :doc:`embedding
<layers_by_hand/embedding>`. Take one, change it, and check it again.

Here each is broken in five ways in which people break it, to see what the report says. A mistake is
one edit of ``backward``: its correct text, and what is written instead. ``forward`` stays as it is,
so the function itself is correct.
"""

import inspect
from textwrap import fill
from types import ModuleType

import matplotlib.pyplot as plt
import numpy as np
from layers_by_hand import attention, batch_norm, convolution, embedding, layer_norm, lstm, rnn

from sknn_opt import check_gradients


def check(layer, backward, **sizes):
    """Check a backward pass of a layer at a random point."""
    rng = np.random.default_rng(0)
    settings, point = layer.draw(rng, **sizes)
    dout = rng.normal(size=layer.forward(**point, **settings)[0].shape)
    return check_gradients(
        lambda p: np.sum(dout * layer.forward(**p, **settings)[0]),
        lambda p: backward(dout, layer.forward(**p, **settings)[1]),
        point,
    )


def broken(layer, correct, mistake):
    """Return the backward pass with a mistake in place of its correct text."""
    source = inspect.getsource(layer)
    assert correct in source, f"{layer.__name__} has no {correct!r}"
    module = ModuleType(layer.__name__)
    exec(source.replace(correct, mistake), vars(module))
    return module.backward


mistakes = {}  # of each layer, by name: the correct text, and what is written instead
results = {}  # of each layer, by name of the mistake: the report


def show(layer, **sizes):
    """Print what the report says of each mistake in a layer, and return the reports."""
    print(f"{'mistake':<40}{'verdict':<9}wrong in")
    reports = {"(none)": check(layer, layer.backward, **sizes)}
    for name, edit in mistakes[layer].items():
        reports[name] = check(layer, broken(layer, *edit), **sizes)
    for name, report in reports.items():
        blocks = [found for found in report.blocks if found.block != "all"]
        wrong = [found.block for found in blocks if found.verdict == "WRONG"]
        where = ", ".join(wrong) if len(wrong) < 8 else f"{len(wrong)} of {len(blocks)} blocks"
        print(f"{name:<40}{report.verdict:<9}{where}".rstrip())
        for hint in report.hints:
            print(fill(hint, 92, initial_indent="    hint: ", subsequent_indent=" " * 10))
    return reports


# %%
# Convolution
# -----------
# Windows overlap, so what they hand back is added up, with the same stride and padding as before.
# Most mistakes are in dA_prev alone: with a single convolution nobody would notice, because the
# gradient of the images is not used.

mistakes[convolution] = {
    "windows overwrite each other": (
        "dA_pad[window] += np.tensordot",
        "dA_pad[window] = np.tensordot",
    ),
    "the filter is flipped": (
        "np.tensordot(dZ[:, h, w], W, axes=(1, 3))",
        "np.tensordot(dZ[:, h, w], W[::-1, ::-1], axes=(1, 3))",
    ),
    "the stride is forgotten": ("top, left = h * stride, w * stride", "top, left = h, w"),
    "the padding is cut off at one side": (
        "dA_pad[:, pad : pad + n_H_prev, pad : pad + n_W_prev]",
        "dA_pad[:, :n_H_prev, :n_W_prev]",
    ),
    "db is a mean, not a sum": ("db = dZ.sum(", "db = dZ.mean("),
}
results["convolution"] = show(convolution)

# %%
# Batch norm
# ----------
# An example moves the mean and the standard deviation of its batch, and so all the other examples.
# That part is forgotten, or gets a wrong factor.

mistakes[batch_norm] = {
    "μ and σ taken as constants": (
        "dZ = (dZ_norm - through_mu - through_sigma) / sigma",
        "dZ = dZ_norm / sigma",
    ),
    "σ taken as a constant": (
        "dZ = (dZ_norm - through_mu - through_sigma) / sigma",
        "dZ = (dZ_norm - through_mu) / sigma",
    ),
    "a sum in place of a mean": (
        "through_mu = np.sum(dZ_norm, axis=1, keepdims=True) / m",
        "through_mu = np.sum(dZ_norm, axis=1, keepdims=True)",
    ),
    "γ is forgotten": ("dZ_norm = gamma * dZ_tilde", "dZ_norm = dZ_tilde"),
    "dgamma with Z, not with Z_norm": (
        "dgamma = np.sum(dZ_tilde * Z_norm,",
        "dgamma = np.sum(dZ_tilde * Z,",
    ),
}
results["batch norm"] = show(batch_norm)

# %%
# Layer norm
# ----------
# Its formulas are those of batch norm along the other axis, and that is where the mistakes are. In
# batch norm γ may be taken out of the means, in layer norm it may not.

mistakes[layer_norm] = {
    "means over examples, as in batch norm": (
        "axis=0, keepdims=True) / n",
        "axis=1, keepdims=True) / X.shape[1]",
    ),
    "divided by m, not by n": ("n = X.shape[0]", "n = X.shape[1]"),
    "γ taken out of the means": ("dX_norm = gamma * dY", "dX_norm, sigma = dY, sigma / gamma"),
    "σ taken as a constant": (
        "dX = (dX_norm - through_mu - through_sigma) / sigma",
        "dX = (dX_norm - through_mu) / sigma",
    ),
    "dgamma is a mean, not a sum": ("dgamma = np.sum(", "dgamma = np.mean("),
}
results["layer norm"] = show(layer_norm)

# %%
# RNN
# ---
# A mistake in what a step hands back spreads to all the steps before, and so into every block.

mistakes[rnn] = {
    "nothing comes from later steps": (
        "da_next = da[:, :, t] + da_prev",
        "da_next = da[:, :, t]",
    ),
    "handed back with Waa, not Waaᵀ": ("da_prev = Waa.T @ dz", "da_prev = Waa @ dz"),
    "the derivative of tanh taken at a": (
        "dz = da_next * (1 - a_next**2)",
        "dz = da_next * (1 - np.tanh(a_next) ** 2)",
    ),
    "dWaa with a[t], not with a[t-1]": ("dWaa += dz @ a_prev.T", "dWaa += dz @ a_next.T"),
    "dWax of one step only": ("dWax += dz @ x[:, :, t].T", "dWax = dz @ x[:, :, t].T"),
}
results["RNN"] = show(rnn)

# %%
# So check a sequence of one step, too. What is correct there and wrong in a longer one is what the
# steps hand to each other.

one_step = show(rnn, T=1)

# %%
# LSTM
# ----
# There are four gates and two gradients that are handed back. In five steps the report can only say
# that all is wrong, ...

mistakes[lstm] = {
    "dc does not come from later steps": (
        "dc_next = dc_prev + da_next * o",
        "dc_next = da_next * o",
    ),
    "dc handed back without the forget gate": ("dc_prev = dc_next * f", "dc_prev = dc_next"),
    "without the derivative of tanh(c)": ("* o * (1 - np.tanh(c) ** 2)", "* o"),
    "without the derivative of a sigmoid": (
        "dzf = dc_next * c_prev * f * (1 - f)",
        "dzf = dc_next * c_prev",
    ),
    "a sigmoid's derivative for tanh's": (
        "dzc = dc_next * i * (1 - cc**2)",
        "dzc = dc_next * i * cc * (1 - cc)",
    ),
}
results["LSTM"] = show(lstm)

# %%
# ... in a single step it names the gate.

one_step = show(lstm, T=1)

# %%
# Attention
# ---------
# The gradient of bk is 0, and a mistake in the softmax shows there most plainly.

mistakes[attention] = {
    "no 1/√d on the way back": ("dS = dS / np.sqrt(Q.shape[-1])", "dS = dS"),
    "softmax as if by element": (
        "dS = A * (dA - np.sum(dA * A, axis=-1, keepdims=True))",
        "dS = dA * A * (1 - A)",
    ),
    "softmax along the other axis": (
        "np.sum(dA * A, axis=-1, keepdims=True)",
        "np.sum(dA * A, axis=-2, keepdims=True)",
    ),
    "dK with dS, not with dSᵀ": ("dK = dS.swapaxes(1, 2) @ Q", "dK = dS @ Q"),
    "dX by way of V only": (
        "dX = dQ @ Wq.T + dK @ Wk.T + dV @ Wv.T",
        "dX = dV @ Wv.T",
    ),
}
results["attention"] = show(attention)

# %%
# Embedding
# ---------
# The first mistake is NumPy's best-known trap. The second and the third are options of frameworks,
# and then the gradient is that of another function.

mistakes[embedding] = {
    "repeated words are counted once": (
        "np.add.at(dE, words.ravel(), rows)",
        "dE[words.ravel()] += rows",
    ),
    "the row of the padding is set to zero": (
        "np.add.at(dE, words.ravel(), rows)",
        "np.add.at(dE, words.ravel(), rows)\n    dE[words[-1, -1]] = 0",
    ),
    "divided by how often a word occurs": (
        "words.ravel(), rows)",
        "words.ravel(), rows / np.bincount(words.ravel())[words.reshape(-1, 1)])",
    ),
    "words numbered from 1": ("words.ravel()", "words.ravel() - 1"),
    "transposed before it is reshaped": (
        "rows = dout.reshape(-1, shape[1])",
        "rows = dout.T.reshape(-1, shape[1])",
    ),
}
results["embedding"] = show(embedding)

# %%
# Correct and wrong are far apart
# -------------------------------
# A dot is the relative error of a whole layer: filled without a mistake, open with one. Between the
# two there is nothing.

figure, ax = plt.subplots(figsize=(7.5, 3.6), layout="constrained")
for row, of_layer in enumerate(results.values()):
    correct, *wrong = (max(report.relative_error, 1e-17) for report in of_layer.values())
    ax.plot(correct, row, "o", color="tab:green")
    ax.plot(wrong, [row] * len(wrong), "o", color="tab:red", markerfacecolor="none")
for bound in (1e-7, 1e-5):
    ax.axvline(bound, color="gray", linewidth=0.8)
for middle, word in ((1e-12, "great"), (1e-6, "worth a look"), (3e-3, "worrying")):
    ax.text(middle, 1.02, word, transform=ax.get_xaxis_transform(), ha="center")
ax.set_xscale("log")
ax.set_xlabel("relative error, ‖a - n‖ / (‖a‖ + ‖n‖)")
ax.set_yticks(range(len(results)), results)
ax.invert_yaxis()
plt.show()

# %%
# What to take away
# -----------------
# Check a layer by itself before you build it in, with random weights on its outputs. Check the
# gradient of its input, too: it is wrong most often, and then all the layers below learn from it.
# Let all sizes differ, so that a wrong axis shows. And check a recurrent layer also with one step.
