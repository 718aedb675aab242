"""What the tests of pictures share: no text lies over another one, and searches without a fit."""

from types import SimpleNamespace

import numpy as np

from sknn_opt.search import (
    Choice,
    LogUniform,
    LogUniformInt,
    OneMinusLogUniform,
    Uniform,
    UniformInt,
    ZeroOr,
)

SPACE = {
    "learning_rate_init": LogUniform(1e-5, 1),
    "momentum": OneMinusLogUniform(0.5, 0.9999),
    "n_units": LogUniformInt(4, 512),
    "depth": UniformInt(1, 6),
    "activation": Choice(["relu", "tanh", "silu", "logistic"]),
    "dropout": ZeroOr(LogUniform(0.01, 0.8)),
    "validation_fraction": Uniform(0.1, 0.5),
}
LONG = {
    f"columntransformer__num__imputer__parameter_{i}_of_a_long_name": [
        LogUniform(0.001, 1),
        Choice([f"a_long_category_name_{j}" for j in range(5)]),
        Uniform(0, 1e6),
        UniformInt(1, 3),
    ][i % 4]
    for i in range(14)
}


def coarse_to_fine(space=SPACE, n_rounds=3, n_each=15, seed=0):
    """A search of rounds that zoom in: `cv_results_` as of a fit, with scores made up."""
    rng, spaces, params, rounds = np.random.RandomState(seed), [], [], []
    low, high = ({name: [] for name in space} for _ in range(2))
    for number in range(1, n_rounds + 1):
        spaces.append(space)
        for _ in range(n_each):
            rounds.append(number)
            params.append({name: d.rvs(random_state=rng) for name, d in space.items()})
            for name, d in space.items():
                known = d.axis_scale != "category"
                low[name].append(d.support()[0] if known else np.nan)
                high[name].append(d.support()[1] if known else np.nan)
        space = {
            name: d if isinstance(d, Choice | ZeroOr) else d.zoomed(0.3, 0.8)
            for name, d in space.items()
        }
    table = {"params": params, "round": np.array(rounds)}
    table["mean_test_score"] = 0.9 - 0.05 * rng.rand(len(params))
    table["n_epochs"] = rng.randint(5, 40, len(params))
    table["seconds"] = rng.rand(len(params))
    table |= {f"low_{name}": np.array(values) for name, values in low.items()}
    table |= {f"high_{name}": np.array(values) for name, values in high.items()}
    return SimpleNamespace(cv_results_=table, spaces_=spaces, n_splits_=5, scoring="accuracy")


def texts_over_each_other(figure, slack=1.5):
    """Pairs of visible texts whose boxes overlap by more pixels than `slack`."""
    return overlaps(boxes_of(figure), slack)


def overlaps(boxes, slack=1.5):
    """Pairs of texts whose boxes overlap by more pixels than `slack`."""
    return [
        (one, other)
        for i, (one, corners) in enumerate(boxes)
        for other, others in boxes[:i]
        if _overlap(corners, others) > slack
    ]


def cut_off(boxes, figure, slack=1.5):
    """Texts that the edge of the figure cuts."""
    size = figure.bbox.size
    return [text for text, box in boxes if (box < -slack).any() or (box > size + slack).any()]


def boxes_of(figure):
    """(text, the four corners of its box, which leans as the text does) for what is visible."""
    from matplotlib.text import Text

    figure.draw_without_rendering()
    renderer, hidden = figure.canvas.get_renderer(), _hidden_of_axes(figure)
    found = []
    for text in figure.findobj(Text):
        if not (text.get_visible() and text.get_text().strip()) or text in hidden:
            continue
        extent, lean = text.get_window_extent(renderer), text.get_rotation()
        text.set_rotation(0)
        width, height = text.get_window_extent(renderer).size
        text.set_rotation(lean)
        across, up = np.deg2rad(lean) + np.array([0, np.pi / 2])
        across, up = (np.array([np.cos(a), np.sin(a)]) for a in (across, up))
        middle = (extent.p0 + extent.p1) / 2
        ends = [(i * width * across + j * height * up) / 2 for i in (-1, 1) for j in (-1, 1)]
        found.append((text.get_text(), middle + ends))
    return found


def _overlap(one, other):
    """By how many pixels two boxes overlap: the least over the directions of their sides."""
    depths = []
    for box in (one, other):
        for side in (box[1] - box[0], box[2] - box[0]):
            a, b = (corners @ side / np.linalg.norm(side) for corners in (one, other))
            depths.append(min(a.max(), b.max()) - max(a.min(), b.min()))
    return min(depths)


def _hidden_of_axes(figure):
    """Tick labels outside of the limits, and all texts of an axis that is off."""
    hidden = set()
    for ax in figure.axes:
        for axis in (ax.xaxis, ax.yaxis):
            labels = axis.get_ticklabels(which="both")
            if not (ax.axison and axis.get_visible()):
                hidden |= {*labels, axis.label, axis.offsetText}
            low, high = sorted(axis.get_view_interval())
            places = [label.get_position()[axis is ax.yaxis] for label in labels]
            low, high = low - 1e-9 * abs(low), high + 1e-9 * abs(high)
            hidden |= {
                label
                for label, place in zip(labels, places, strict=True)
                if not low <= place <= high
            }
    return hidden
