"""One training that is watched and steered."""

import copy
import itertools
import pickle
import signal
import sys
import threading
import types
from contextlib import suppress

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from sknn_opt import InputNormalizer, MLPClassifier, MLPRegressor, TabularMLPClassifier, record_path
from sknn_opt.optim import AdamW, TrainingTime
from sknn_opt.search import TrainingWatch

callback = pytest.importorskip("sklearn.callback")
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X, Y = load_iris(return_X_y=True)
X = InputNormalizer().fit_transform(X)
WITH_EVERYTHING = {
    "batch_norm": True,
    "dropout": 0.2,
    "average": 0.9,
    "early_stopping": True,
    "scoring": None,
    "batch_size": 16,
    "learning_rate": "cosine",
}


def network(**parameters):
    return MLPClassifier((6,), **{"max_iter": 12, "tol": 0.0, "random_state": 0} | parameters)


def quiet(rule=None, **parameters):
    return TrainingWatch(rule, **{"display": None, "signals_every": None} | parameters)


def at(**wishes):
    """A rule that does something after some epochs: at(e3=lambda watch: ...)."""

    def rule(row, watch):
        if wish := wishes.get(f"e{row['epoch']}"):
            wish(watch)

    return rule


def watched(rule=None, data=(X, Y), watch=None, **parameters):
    watch = watch or quiet(rule)
    return network(**parameters).set_callbacks(watch).fit(*data), watch


class TestNobodySteers:
    @pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
    def test_the_same_bits_as_without(self, solver):
        net, watch = watched(watch=quiet(signals_every=1), solver=solver)
        plain = network(solver=solver).fit(X, Y)
        assert np.array_equal(net.theta_, plain.theta_)
        assert net.loss_curve_ == plain.loss_curve_
        assert watch.interventions_ == []
        assert len(watch.signals_) == len(watch.history_) == net.n_iter_

    @pytest.mark.parametrize("more", [{}, {"n_members": 3}])
    def test_with_all_that_a_network_can_have(self, more):
        parameters = WITH_EVERYTHING | {"random_state": np.random.RandomState(3)} | more
        net, _ = watched(watch=quiet(signals_every=2), **copy.deepcopy(parameters))
        plain = network(**copy.deepcopy(parameters)).fit(X, Y)
        assert np.array_equal(net.theta_, plain.theta_)
        assert np.array_equal(net.statistics_, plain.statistics_)

    def test_the_global_generator_is_left_alone(self):
        np.random.seed(0)  # noqa: NPY002
        watched(watch=quiet(signals_every=1), random_state=None)
        here = np.random.rand()  # noqa: NPY002
        np.random.seed(0)  # noqa: NPY002
        network(random_state=None).fit(X, Y)
        assert here == np.random.rand()  # noqa: NPY002


class TestRate:
    def test_a_constant_rate_is_set_and_scaled(self):
        net, watch = watched(at(e2=lambda w: w.set_rate(0.03), e4=lambda w: w.scale_rate(0.5)))
        rates = [row["learning_rate"] for row in net.history_]
        assert rates[:6] == [0.001, 0.001, 0.03, 0.03, 0.015, 0.015]
        assert watch.interventions_ == [
            {"epoch": 2, "what": "rate", "value": 0.03},
            {"epoch": 4, "what": "rate", "value": 0.015},
        ]
        assert net.history_[1]["new_rate"] == 0.03
        assert "new_rate" not in net.history_[2]

    def test_the_steps_are_those_of_the_new_rate(self):
        """Half of the epochs with each rate are two fits, of which the second goes on."""
        net, _ = watched(at(e6=lambda w: w.set_rate(0.02)), solver="sgd", n_iter_no_change=99)
        first = network(solver="sgd", max_iter=6, warm_start=True).fit(X, Y)
        first.set_params(learning_rate_init=0.02).fit(X, Y)
        assert net.loss_curve_ == first.loss_curve_

    @pytest.mark.parametrize("schedule", ["cosine", "one_cycle", "exponential", "step", "adaptive"])
    def test_a_schedule_goes_on_times_a_factor(self, schedule):
        net, _ = watched(at(e3=lambda w: w.scale_rate(4)), learning_rate=schedule)
        plain = network(learning_rate=schedule).fit(X, Y)
        rates, before = ([row["learning_rate"] for row in n.history_] for n in (net, plain))
        assert rates[:3] == before[:3]
        assert rates[3:] == pytest.approx([4 * rate for rate in before[3:]])

    def test_set_rate_is_the_rate_of_the_next_step(self):
        """Of one batch an epoch, each epoch is a step."""
        rule = at(e3=lambda w: w.set_rate(0.5))
        net, watch = watched(rule, learning_rate="cosine", batch_size=150)
        assert net.history_[3]["learning_rate"] == pytest.approx(0.5)
        assert watch.interventions_[0]["value"] == pytest.approx(0.5)

    def test_a_function_of_the_user_that_follows_the_initial_rate(self):
        def halved(time: TrainingTime):
            return time.initial_rate / 2

        net, _ = watched(at(e1=lambda w: w.set_rate(0.25)), learning_rate=halved)
        assert [row["learning_rate"] for row in net.history_[:3]] == [0.0005, 0.25, 0.25]

    def test_one_that_does_not_is_refused(self):
        with pytest.raises(ValueError, match=r"does not follow the time.initial_rate"):
            watched(at(e1=lambda w: w.set_rate(0.2)), learning_rate=lambda time: 0.1)

    def test_the_rate_of_an_optimizer_object(self):
        net, _ = watched(at(e1=lambda w: w.scale_rate(2)), solver=AdamW(0.01))
        assert [row["learning_rate"] for row in net.history_[:2]] == [0.01, 0.02]

    def test_patience_begins_anew(self):
        """From the rate 0 on nothing improves; each change gives another five epochs."""
        rule = at(e5=lambda w: w.scale_rate(1e-9), e9=lambda w: w.scale_rate(1e-3))
        net, _ = watched(rule, max_iter=99, n_iter_no_change=5, tol=1e-4)
        assert net.n_iter_ == 9 + 6

    def test_the_next_fit_has_its_own_rate_again(self):
        net, _ = watched(at(e2=lambda w: w.set_rate(0.5)), warm_start=True)
        net.set_callbacks().fit(X, Y)
        assert net.history_[-1]["learning_rate"] == 0.001


class TestBack:
    def test_what_follows_is_what_would_have_followed(self):
        """With all rows in one batch and no dropout nothing is left to chance."""
        parameters = {"batch_size": 150, "batch_norm": True, "average": 0.9, "max_iter": 16}
        net, watch = watched(at(e6=lambda w: w.go_back(2)), **parameters)
        losses = net.loss_curve_
        assert losses[6:10] == losses[2:6]
        assert watch.interventions_ == [{"epoch": 6, "what": "back", "value": 2}]
        assert net.history_[5]["back_to"] == 2
        assert [row["epoch"] for row in net.history_] == list(range(1, 17))
        # four epochs were given up: it ends where 12 epochs end
        straight = network(**parameters | {"max_iter": 12}).fit(X, Y)
        assert losses[:2] + losses[6:] == straight.loss_curve_
        assert np.array_equal(net.theta_, straight.theta_)
        assert np.array_equal(net.statistics_, straight.statistics_)

    def test_members_go_back_with_their_best(self):
        parameters = {"batch_size": 150, "n_members": 2, "early_stopping": True, "max_iter": 10}
        net, _ = watched(at(e6=lambda w: w.go_back(3)), **parameters)
        straight = network(**parameters | {"max_iter": 7}).fit(X, Y)
        assert np.array_equal(net.theta_, straight.theta_)
        for name in ("score[1]", "score[2]", "loss[1]"):
            assert net.history_[-1][name] == straight.history_[-1][name]

    def test_to_the_initial_weights(self):
        path = []

        def rule(row, watch):
            path.append(row["loss"])
            if row["epoch"] == 4:
                watch.go_back(0)

        watched(rule, batch_size=150)
        assert path[4] == path[0]

    def test_rows_come_in_another_order(self):
        net, _ = watched(at(e4=lambda w: w.go_back(0)), batch_size=16)
        assert net.loss_curve_[4] != net.loss_curve_[0]

    def test_the_best_epoch_is_none_of_those_given_up(self):
        net, watch = watched(at(e6=lambda w: (w.go_back(3), w.stop())), batch_size=150)
        assert net.n_iter_ == 6
        short = network(batch_size=150, max_iter=3).fit(X, Y)
        assert np.array_equal(net.theta_, short.theta_)
        assert [done["what"] for done in watch.interventions_] == ["back", "stop"]
        assert net.history_[5] | {"back_to": 3, "stopped": True} == net.history_[5]

    def test_from_one_that_was_given_up_before(self):
        rule = at(e6=lambda w: w.go_back(2), e8=lambda w: w.go_back(5))
        net, _ = watched(rule, batch_size=150)
        assert net.loss_curve_[8] == net.loss_curve_[5]

    def test_the_best_is_where_it_goes_if_not_told(self):
        rule = at(e3=lambda w: w.set_rate(5.0), e6=lambda w: w.go_back())
        _, watch = watched(rule, early_stopping=True)
        scores = [row["score"] for row in watch.history_[:6]]
        assert watch.interventions_[1]["value"] == 1 + int(np.argmax(scores))

    def test_warm_start_counts_on(self):
        net = network(warm_start=True, batch_size=150).fit(X, Y)
        rule = at(e15=lambda w: w.go_back(12))
        net.set_callbacks(quiet(rule)).fit(X, Y)
        assert net.loss_curve_[15] == net.loss_curve_[12]
        with pytest.raises(ValueError, match=r"no epoch 3 .* from 24, which .* to 26"):
            net.set_callbacks(quiet(at(e26=lambda w: w.go_back(3)))).fit(X, Y)

    @pytest.mark.parametrize("epoch", [-1, 9, 1.5, True, "best"])
    def test_where_nobody_was(self, epoch):
        with pytest.raises(ValueError, match="epoch"):
            watched(at(e3=lambda w: w.go_back(epoch)))

    def test_the_same_interventions_make_the_same_bits(self):
        rule = at(
            e3=lambda w: w.scale_rate(9),
            e5=lambda w: (w.go_back(2), w.set_rate(0.01)),
            e8=lambda w: w.go_back(),
        )
        first, second = (watched(rule, **WITH_EVERYTHING)[0] for _ in range(2))
        assert np.array_equal(first.theta_, second.theta_)
        assert "back_to" in first.history_[4]

    def test_thinned_epochs_stand_for_those_before_them(self):
        seen = []

        def rule(row, watch):
            seen.append(watch.epochs_)
            if row["epoch"] == 40:
                watch.go_back(9)

        watch = quiet(rule, memory=0)
        net, _ = watched(watch=watch, batch_size=150, max_iter=41, n_iter_no_change=99)
        assert {len(epochs) for epochs in seen[8:]} <= {3, 4}
        assert all(epochs[0] == 0 and epochs[-1] == k for k, epochs in enumerate(seen, 1))
        (done,) = watch.interventions_
        assert done["value"] in seen[-2]
        assert done["value"] <= 9
        assert net.loss_curve_[40] == net.loss_curve_[done["value"]]


class TestDivergence:
    def regressor(self, rule):
        net = MLPRegressor((5,), solver="sgd", max_iter=30, random_state=0)
        return net.set_callbacks(quiet(rule))

    def test_ends_the_training_unless_somebody_goes_back(self):
        rows = []
        net = self.regressor(lambda row, watch: rows.append(row))
        net.set_params(learning_rate_init=1e30).fit(X, Y)
        assert np.isnan(rows[-1]["loss"])
        assert rows[-1]["epoch"] == net.n_iter_ + 1

    def test_training_goes_on_from_an_epoch_before(self):
        def rule(row, watch):
            if row["epoch"] == 5:
                watch.set_rate(1e30)
            if not row["loss"] < 1e3:
                watch.go_back(5)
                watch.set_rate(0.01)

        net = self.regressor(rule).fit(X, Y)
        assert net.n_iter_ >= 28
        assert net.loss_ < net.loss_curve_[4]
        assert np.isfinite(net.theta_).all()

    def test_from_the_first_epoch_on(self):
        def rule(row, watch):
            if not row["loss"] < 1e3:
                watch.go_back(0)
                watch.scale_rate(1e-16)

        net = self.regressor(rule).set_params(learning_rate_init=1e30, batch_size=16).fit(X, Y)
        assert 5 < net.n_iter_ < 30
        assert net.history_[0]["epoch"] == 1
        assert "back_to" not in net.history_[0]
        assert net.loss_ < 1

    def test_going_back_again_and_again_ends(self):
        net = self.regressor(lambda row, watch: watch.go_back(0))
        net.set_params(learning_rate_init=1e30).fit(X, Y)
        assert net.n_iter_ <= 30


class TestStop:
    @pytest.mark.parametrize("solver", ["adam", "lbfgs"])
    def test_after_an_epoch(self, solver, recwarn):
        net, watch = watched(at(e4=lambda w: w.stop()), solver=solver)
        assert net.n_iter_ == 4
        assert watch.interventions_ == [{"epoch": 4, "what": "stop", "value": None}]
        assert net.history_[-1]["stopped"] is True
        assert not recwarn.list

    @pytest.mark.parametrize("call", ["set_rate", "scale_rate", "go_back"])
    def test_lbfgs_can_do_nothing_else(self, call):
        with pytest.raises(ValueError, match=r"solver='lbfgs', .*: only stop works"):
            watched(at(e2=lambda w: getattr(w, call)(1)), solver="lbfgs")

    def test_from_another_thread(self):
        go_on, reached = threading.Event(), threading.Event()

        def rule(row, watch):
            if row["epoch"] == 3:
                reached.set()
                assert go_on.wait(60)

        watch = quiet(rule)
        net = network(max_iter=500).set_callbacks(watch)
        training = threading.Thread(target=net.fit, args=(X, Y))
        training.start()
        assert reached.wait(60)
        watch.set_rate(0.01)
        watch.stop()
        go_on.set()
        training.join(60)
        assert net.n_iter_ == 3
        assert [done["what"] for done in watch.interventions_] == ["rate", "stop"]


class TestErrors:
    def test_there_must_be_a_training(self):
        for watch in (quiet(), watched()[1]):
            for wish in (watch.stop, watch.go_back, lambda w=watch: w.set_rate(0.1)):
                with pytest.raises(RuntimeError, match="No training runs"):
                    wish()

    @pytest.mark.parametrize("rate", [0, -1.0, np.nan, np.inf, "high", True, None])
    def test_no_rate(self, rate):
        with pytest.raises(ValueError, match="must be a finite number > 0; got"):
            watched(at(e1=lambda w: w.set_rate(rate)))

    @pytest.mark.parametrize(
        "parameters",
        [{"rule": 3}, {"display": "screen"}, {"signals_every": 0}, {"memory": -1}, {"ask": "no"}],
    )
    def test_parameters(self, parameters):
        (name,) = parameters
        with pytest.raises(ValueError, match=f"The '{name}' parameter of TrainingWatch"):
            TrainingWatch(**parameters)

    def test_a_rule_that_fails_leaves_the_model_that_was_there(self):
        net, watch = watched()
        before = net.theta_
        with pytest.raises(ValueError, match="finite"):
            net.set_callbacks(quiet(at(e2=lambda w: w.set_rate(-1)))).fit(X[:90], Y[:90])
        assert net.theta_ is before
        watch.rule = at(e2=lambda w: w.stop())  # and the next fit is watched as ever
        assert net.set_callbacks(watch).fit(X, Y).n_iter_ == 2

    def test_an_older_scikit_learn(self, monkeypatch):
        monkeypatch.setattr("sknn_opt.search.watch.has_callbacks", lambda: False)
        with pytest.raises(ImportError, match=r"scikit-learn 1\.9.*pip install"):
            TrainingWatch()


class TestSignals:
    def test_every_so_many_epochs(self):
        _, watch = watched(watch=quiet(signals_every=5))
        assert [look["epoch"] for look in watch.signals_] == [5, 10]
        assert {look["verdict"] for look in watch.signals_} == {"healthy"}

    def test_they_are_those_of_the_current_weights(self):
        """A rate of 30 saturates the units."""
        watch = quiet(at(e5=lambda w: w.set_rate(30.0)), signals_every=1)
        watched(watch=watch, batch_size=16, activation="tanh")
        assert watch.signals_[4]["verdict"] == "healthy"
        assert watch.signals_[-1]["verdict"] == "saturated"
        assert "where tanh is flat" in watch.signals_[-1]["finding"]

    def test_they_take_a_twentieth_of_the_time(self, monkeypatch):
        """Here each thing takes 10 ms, an epoch too."""
        ticks = itertools.count(step=0.01)
        monkeypatch.setattr("sknn_opt.search.watched.perf_counter", lambda: next(ticks))
        watch = quiet(signals_every="auto")
        watched(watch=watch, max_iter=600, n_iter_no_change=600, batch_size=150)
        assert watch.seconds_["training"] == pytest.approx(6)
        looks = [look["epoch"] for look in watch.signals_]
        assert looks[0] == 10
        assert 0.03 < watch.seconds_["signals"] / watch.seconds_["training"] <= 0.05
        assert looks[-1] > 550

    def test_what_has_none_is_no_reason_to_fail(self):
        watch = quiet(signals_every=4)
        MLPClassifier((), max_iter=4).set_callbacks(watch).fit(X, Y)
        assert watch.signals_[0]["verdict"] == "unknown"
        assert "hidden_layer_sizes is empty" in watch.signals_[0]["finding"]

    def test_targets_of_strings_and_weights_of_rows(self):
        names = np.array(["a", "b", "c"])[Y].tolist()
        _, watch = watched(watch=quiet(signals_every=6), data=(X.tolist(), names, np.ones(150)))
        assert [look["verdict"] for look in watch.signals_] == ["healthy"] * 2


class TestWhereItIsSet:
    def test_on_the_network_in_a_pipeline_or_on_the_pipeline(self):
        rule = at(e3=lambda w: w.stop())
        inner = make_pipeline(InputNormalizer(), network().set_callbacks(quiet(rule))).fit(X, Y)
        outer = make_pipeline(InputNormalizer(), network()).set_callbacks(quiet(rule)).fit(X, Y)
        assert inner[-1].n_iter_ == outer[-1].n_iter_ == 3
        assert "max_propagation_depth" not in vars(quiet())

    def test_on_an_estimator_of_tables(self):
        watch = quiet(at(e2=lambda w: w.scale_rate(0.5), e4=lambda w: w.stop()), signals_every=2)
        table = TabularMLPClassifier(preset="fast", random_state=0).set_callbacks(watch).fit(X, Y)
        assert table.n_iter_ == 4
        assert table.history_[1]["new_rate"] == watch.interventions_[0]["value"]
        assert [look["epoch"] for look in watch.signals_] == [2, 4]
        within = make_pipeline("passthrough", clone(table).set_callbacks()).set_callbacks(watch)
        assert within.fit(X, Y)[-1].n_iter_ == 4

    @pytest.mark.filterwarnings("ignore:.*worker.*:UserWarning")
    @pytest.mark.parametrize("n_jobs", [1, 2])
    def test_on_a_search(self, n_jobs):
        watch = quiet(HALVES)
        search = GridSearchCV(network(), {"alpha": [0, 1e-2]}, cv=2, n_jobs=n_jobs)
        best = search.set_callbacks(watch).fit(X, Y).best_estimator_
        assert best.history_[1]["new_rate"] == 0.0005
        assert watch.interventions_ == [{"epoch": 2, "what": "rate", "value": 0.0005}]

    def test_threads_that_train_at_once_are_told_apart(self):
        def rule(row, watch):
            both.wait(60)
            if row["epoch"] == 2 and threading.current_thread().name == "one":
                watch.stop()
                both.abort()

        both, watch = threading.Barrier(2), quiet(rule)
        nets = {name: network(max_iter=5).set_callbacks(watch) for name in ("one", "two")}

        def train(name):
            with suppress(threading.BrokenBarrierError):
                nets[name].fit(X, Y)

        threads = [threading.Thread(target=train, args=(name,), name=name) for name in nets]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert nets["one"].n_iter_ == 2
        assert not hasattr(nets["two"], "n_iter_")

    def test_others_see_the_epoch_as_it_was(self):
        """Scores and paths are those before the step back, whatever the order of callbacks."""
        rule = at(e4=lambda w: w.go_back(0))
        for order in (1, -1):
            monitor = callback.ScoringMonitor(scoring="neg_log_loss")
            net = network(batch_size=150)
            path = record_path(net.set_callbacks(*(quiet(rule), monitor)[::order]), X, Y)
            scores = [row["neg_log_loss"] for row in monitor.get_logs().data]
            assert scores[3] > scores[2]
            assert np.array_equal(path[5], path[1])
            assert not np.array_equal(path[4], path[0])

    def test_it_survives_pickle_and_clone(self):
        watch = watched()[1]
        again = pickle.loads(pickle.dumps(TrainingWatch(Halves(), display=None)))
        assert watched(watch=again)[0].history_[1]["new_rate"] == 0.0005
        assert len(pickle.loads(pickle.dumps(watch)).history_) == 12
        net = clone(network().set_callbacks(again)).fit(X, Y)
        assert net.history_[1]["new_rate"] == 0.0005


# Worker processes cannot import this file: they get a function by its code.
HALVES = eval("lambda row, watch: row['epoch'] == 2 and watch.scale_rate(0.5)", {})


class Halves:
    """A rule that can be pickled."""

    def __call__(self, row, watch):
        if row["epoch"] == 2:
            watch.scale_rate(0.5)


class TestScreens:
    RULE = staticmethod(at(e3=lambda w: w.set_rate(0.01), e6=lambda w: w.go_back(2)))

    def test_lines(self, capsys):
        watched(watch=TrainingWatch(self.RULE, display="lines", signals_every=10), max_iter=100)
        lines = capsys.readouterr().out.splitlines()
        assert lines[0].startswith("epoch   1/100  loss 1.")
        assert "    after epoch 3: the learning rate is 0.01" in lines
        assert "    after epoch 6: back to epoch 2" in lines
        assert "signals healthy" in lines[-2]
        assert lines[-1].startswith("100 epochs in ")
        assert lines[-1].endswith("2 interventions")
        assert len(lines) < 30

    def test_a_terminal(self, monkeypatch, capsys):
        console = pytest.importorskip("rich.console")
        monkeypatch.setenv("COLUMNS", "90")
        monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
        monkeypatch.setattr(console.Console, "is_terminal", True)
        watch = TrainingWatch(self.RULE, signals_every=10, ask=False)
        watched(watch=watch, early_stopping=True, scoring=None)
        shown = capsys.readouterr().out
        for said in ("epoch 12/12", "training loss", "validation loss", "rate ▁", "score ", "⠁"):
            assert said in shown or said == "⠁"
        assert "after epoch 6: back to epoch 2" in shown
        assert "signals healthy after epoch 10" in shown

    def test_no_terminal_no_drawing(self, capsys):
        watched(watch=TrainingWatch())
        assert "╭" not in capsys.readouterr().out

    @pytest.mark.parametrize(("display", "lacks"), [("terminal", "rich"), ("notebook", "IPython")])
    def test_what_is_not_installed(self, display, lacks, monkeypatch):
        for name in ("rich.console", "IPython.display"):
            monkeypatch.setitem(sys.modules, name, None)
        with pytest.raises(ImportError, match=f"needs {lacks}.*pip install"):
            TrainingWatch(display=display)

    def test_a_notebook(self, monkeypatch):
        pytest.importorskip("matplotlib")
        shown = []
        module = types.ModuleType("IPython.display")
        module.Image = lambda data: data
        handle = types.SimpleNamespace(update=shown.append)
        module.display = lambda image, display_id: shown.append(image) or handle
        ipython = types.ModuleType("IPython")
        ipython.version_info, ipython.display = (9, 0), module
        ipython.get_ipython = lambda: types.SimpleNamespace(kernel=None)
        monkeypatch.setitem(sys.modules, "IPython", ipython)
        monkeypatch.setitem(sys.modules, "IPython.display", module)
        watched(watch=TrainingWatch(self.RULE, signals_every=10), early_stopping=True)
        assert len(shown) >= 2
        assert all(image.startswith(b"\x89PNG") for image in shown)


class TestCtrlC:
    def train(self, monkeypatch, *answers, **parameters):
        answers, questions = list(answers), []

        def answer(question):
            questions.append(question)
            return answers.pop(0)

        monkeypatch.setattr("builtins.input", answer)
        press = at(e3=lambda w: signal.raise_signal(signal.SIGINT))
        before = signal.getsignal(signal.SIGINT)
        net, watch = watched(watch=quiet(press, ask=True), **parameters)
        assert signal.getsignal(signal.SIGINT) is before
        assert not answers
        return net, watch, questions

    @pytest.mark.parametrize(
        ("answer", "done"),
        [
            ("", []),
            ("stop", [("stop", None)]),
            ("back", [("back", 4)]),
            ("back 2", [("back", 2)]),
            ("rate 0.25", [("rate", 0.25)]),
            ("rate *0.5", [("rate", 0.0005)]),
        ],
    )
    def test_asks_after_the_epoch(self, answer, done, monkeypatch):
        _, watch, (question,) = self.train(monkeypatch, answer)
        found = [(each["what"], each["value"]) for each in watch.interventions_]
        assert found == done
        assert question.startswith("epoch 4, loss ")

    def test_asks_again_until_it_understands(self, monkeypatch, capsys):
        words = "faster", "rate high", "rate -1", "back 77", "back -1", "stop"
        net, _, questions = self.train(monkeypatch, *words)
        assert net.n_iter_ == 4
        assert len(questions) == 6
        said = capsys.readouterr().out
        assert "'faster' is none of: rate NUMBER" in said
        assert "There is no epoch 77" in said

    def test_twice_interrupts(self, monkeypatch):
        def press(row, watch):
            if row["epoch"] == 3:
                signal.raise_signal(signal.SIGINT)
                signal.raise_signal(signal.SIGINT)

        net = network().set_callbacks(quiet(press, ask=True))
        with pytest.raises(KeyboardInterrupt, match="Interrupted; the weights of epoch"):
            net.fit(X, Y)
        assert net.n_iter_ == 3

    def test_not_unless_asked_to(self, monkeypatch):
        press = at(e3=lambda w: signal.raise_signal(signal.SIGINT))
        with pytest.raises(KeyboardInterrupt):
            watched(watch=quiet(press))
