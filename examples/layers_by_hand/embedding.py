"""
Embedding
=========

Each word is a row of a table E, and a sentence is a list of the numbers of its words:

    out[i, t] = E[words[i, t]]

This is a one-hot matrix times E, without the zeros. Its gradient is what each word got, and a word
that stands there twice got two of them, which *add up*:

    dE[k] = Σ dout[i, t]  over all places where words[i, t] = k

A word that does not occur has the gradient 0. ``dE[words] += dout`` does not add up: NumPy writes
each row once. ``np.add.at`` does.

Source: Ng, "Sequence models", week 2; the documentation of ``numpy.ufunc.at``.
"""

import numpy as np


def forward(E, words):
    """Look the words up; E is of shape (n_words, n_e), words of (m, T), out of (m, T, n_e)."""
    return E[words], (E.shape, words)


def backward(dout, cache):
    """Return dE, shaped like E."""
    shape, words = cache
    rows = dout.reshape(-1, shape[1])  # one for each word of each sentence
    dE = np.zeros(shape)
    np.add.at(dE, words.ravel(), rows)
    return {"dE": dE}


def draw(rng, n_words=7, n_e=3, m=2, T=5):
    """Settings, among them the sentences, and a random table."""
    words = rng.integers(n_words, size=(m, T))
    return {"words": words}, {"E": rng.normal(size=(n_words, n_e))}


# %%
# Is backward the gradient of forward? The check needs one number, so each output gets a random
# weight: J = Σ dout · out. The words are whole numbers, which have no gradient.

if __name__ == "__main__":
    from sknn_opt import check_gradients

    rng = np.random.default_rng(0)
    settings, point = draw(rng)
    dout = rng.normal(size=forward(**point, **settings)[0].shape)
    report = check_gradients(
        lambda p: np.sum(dout * forward(**p, **settings)[0]),
        lambda p: backward(dout, forward(**p, **settings)[1]),
        point,
    )
    print(report)
