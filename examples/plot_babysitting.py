"""
Babysitting one model
=====================

With little computing power you watch a single network, as a panda watches its cub, and change its
hyperparameters while it trains. :class:`~sknn_opt.search.TrainingWatch` shows the curves and lets
you set the learning rate, go back to an earlier epoch, or stop: by hand in a terminal (Ctrl-C
asks), from another thread, or by a rule. Here a rule plays the person, so that the page comes out
the same each time. Callbacks need scikit-learn 1.9.
"""

import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline

from sknn_opt import InputNormalizer, LossCurveDisplay, MLPClassifier
from sknn_opt.search import TrainingWatch

warnings.simplefilter("ignore", ConvergenceWarning)  # 80 epochs are enough for the story

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)


def network(**parameters):
    """A network that starts with a learning rate that is too small."""
    options = {"learning_rate_init": 0.003, "max_iter": 80, "n_iter_no_change": 30}
    net = MLPClassifier((64,), solver="sgd", early_stopping=True, random_state=0)
    return net.set_params(**options | parameters)


# %%
# What a person does
# ------------------
# After each epoch the rule sees its row of ``history_``, and the object that it may steer.


class Person:
    """Impatient at first; takes back what was a bad idea, and halves the rate when it stalls."""

    def __init__(self):
        self.good, self.changed = None, 0

    def __call__(self, row, watch):
        losses = [each["validation_loss"] for each in watch.history_]
        epoch, waited = row["epoch"], row["epoch"] - self.changed
        if epoch == 12:  # this takes too long: a bold step
            self.good = epoch
            watch.set_rate(1.5)
        elif self.good and waited == 3 and not losses[-1] < losses[self.good - 1]:  # too bold
            watch.go_back(self.good)
            watch.set_rate(0.05)
            self.good = None
        elif waited > 8 and min(losses[-8:]) > 0.98 * min(losses[:-8]):  # it stalls
            watch.scale_rate(0.5)
        else:
            return
        self.changed = epoch


# %%
# One training
# ------------
# In a terminal the curves are drawn while it trains, and in a notebook the figure below grows.
# Elsewhere there are lines, one now and then and one for each change. The signals are those of
# :func:`~sknn_opt.check_signals` at the weights of that moment; it looks at them as often as fits
# into a twentieth of the training time, or as here every 20 epochs.

watch = TrainingWatch(Person(), display="lines", signals_every=20)
net = network().set_callbacks(watch)
watched = make_pipeline(InputNormalizer(), net).fit(X_train, y_train)

# %%
# What was done, and what came of it
# ----------------------------------
# The interventions stand in the history too: ``new_rate``, ``back_to`` and ``stopped`` are its
# columns. The epoch that was given up is pale.

for done in watch.interventions_:
    print("after epoch {epoch:>2}: {what:>4} {value:.3g}".format(**done))

LossCurveDisplay.from_estimator(watched, show_rate=True)
plt.show()

# %%
# The same seed and the same person make the same network, to the bit; and as long as nobody steers,
# the callback changes nothing.

again = network().set_callbacks(TrainingWatch(Person(), display=None))
again = make_pipeline(InputNormalizer(), again).fit(X_train, y_train)
assert np.array_equal(again[-1].theta_, net.theta_)

# %%
# Was it worth it?
# ----------------

alone = make_pipeline(InputNormalizer(), network()).fit(X_train, y_train)
cosine = network(learning_rate="cosine", learning_rate_init=0.05)
planned = make_pipeline(InputNormalizer(), cosine).fit(X_train, y_train)
models = {"nobody watches": alone, "a person": watched, "cosine from 0.05": planned}
for name, model in models.items():
    loss, accuracy = -model[-1].best_validation_score_, model.score(X_test, y_test)
    print(f"{name:>16}: validation loss {loss:.3f}, test accuracy {accuracy:.1%}")

assert net.best_validation_score_ > alone[-1].best_validation_score_

# %%
# What to take away
# -----------------
# You can change the learning rate while a network trains, and undo a bad idea. It shows where the
# learning rate must lie; once you know that, a schedule such as ``learning_rate="cosine"`` does
# most of it without anybody watching. With more computing power, train many at once instead.
