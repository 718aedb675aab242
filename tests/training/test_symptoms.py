"""The table of symptoms: the documentation agrees with it, and the limits lie where they should."""

import re
from pathlib import Path

import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn.datasets import load_iris

from sknn_opt.nn.network import Architecture, Weights
from sknn_opt.training import symptoms
from sknn_opt.training.remedies import NORMALIZE
from sknn_opt.training.rows import Rows, ranges
from sknn_opt.training.symptoms import SYMPTOMS, Symptom
from sknn_opt.training.verdicts import DIVERGES, SLOW

DOCS = Path(__file__).parents[2] / "docs"
X = load_iris().data
X = (X - X.mean(axis=0)) / X.std(axis=0)
IN_WARNINGS = SYMPTOMS[: SYMPTOMS.index(symptoms.DEAD) + 1]
VERDICTS = (*SYMPTOMS[SYMPTOMS.index(symptoms.DEAD) : -1], DIVERGES, SLOW)


def table(page):
    """The rows of the first table of a page with three columns, the head first."""
    text = (DOCS / page).read_text(encoding="utf-8")
    rows = []
    for line in text[text.index("   * - ") :].splitlines():
        if line.startswith("   * - "):
            rows.append([line[7:]])
        elif line.startswith("     -"):
            rows[-1].append(line[7:])
        elif line.startswith("       "):
            rows[-1][-1] += f" {line.strip()}"
        elif line and not line.startswith(" "):
            break
    assert {len(row) for row in rows} == {3}
    return rows


def quoted(cell):
    """The phrases in quotation marks as patterns; … stands for anything."""
    phrases = re.findall(r'"([^"=]+)"', cell)
    return [re.escape(phrase).replace("…", ".+") for phrase in phrases]


def remedies_in(text):
    """The parameters, their values and the classes that a text names."""
    text = text.replace('"', "'").replace("normalized inputs", NORMALIZE)
    found = re.findall(r"InputNormalizer|TunedThresholdClassifierCV|\w+=[\w']+|\w+_\w+", text)
    return set(found) - {"predict_proba", "plot_1_normalizing_inputs", "model_selection"}


def test_all_symptoms_are_in_the_table():
    named = [value for value in vars(symptoms).values() if isinstance(value, Symptom)]
    assert sorted(map(id, SYMPTOMS)) == sorted(map(id, named))


@pytest.mark.parametrize("symptom", IN_WARNINGS, ids=lambda symptom: symptom.name)
def test_the_first_page_says_what_a_fit_says(symptom):
    sentence = re.sub("{.*?}", "7", symptom.sentence.replace("{where}", " of hidden layer 1"))
    sentence = sentence[0].upper() + sentence[1:]
    rows = [
        row for row in table("index.rst") if any(re.search(p, sentence) for p in quoted(row[0]))
    ]
    assert len(rows) == 1
    advice = [symptom.advice, *symptom.remedies]
    assert remedies_in(" ".join(advice)) <= remedies_in(rows[0][2])


def test_the_first_page_quotes_nothing_else():
    sentences = [symptom.sentence.replace("{where}", " of hidden layer 1") for symptom in SYMPTOMS]
    sentences = [sentence[0].upper() + sentence[1:] for sentence in sentences]
    for row in table("index.rst"):
        for phrase in set(quoted(row[0])):
            assert any(re.search(phrase, sentence) for sentence in sentences), phrase


@pytest.mark.parametrize("symptom", VERDICTS, ids=lambda symptom: symptom.name)
def test_the_page_on_signals_has_its_limits_and_remedies(symptom):
    rows = {row[0]: row for row in table("signals.rst")}
    _, found, helps = rows[symptom.name]
    numbers = re.findall(r"(\d[\de.-]*)( %)?", found)
    limits = [float(number) / (100 if percent else 1) for number, percent in numbers]
    assert symptom.limit is None or symptom.limit in limits
    helps = helps.replace("the same", rows["vanishing"][2])
    assert remedies_in(" ".join(symptom.remedies)) <= remedies_in(helps)


def test_the_page_on_signals_has_the_limits_of_its_remarks():
    text = " ".join((DOCS / "signals.rst").read_text(encoding="utf-8").split())
    size, ratio, small = symptoms.UNSCALED.limit, symptoms.UNEQUAL, symptoms.SMALL
    assert f"an rms above {size:g}, a feature {ratio:g} times larger" in text
    assert f"or none beyond {small:g})" in text
    assert "by more than a tenth" in text
    assert symptoms.LARGE_STEP.limit == 0.1


def test_a_size_that_trains_is_no_matter_of_scale():
    assert symptoms.judge_inputs(X * 8)[0] is symptoms.judge_inputs(csr_array(X * 8))[0] is None
    assert "goes up to" in symptoms.judge_inputs(X * 12)[1]
    assert "goes up to" in symptoms.judge_inputs(csr_array(X * 12))[1]


def test_one_large_feature_of_many():
    wide = np.random.default_rng(0).normal(size=(500, 60))
    wide[:, 7] = 60 + wide[:, 7]  # an rms of 8
    assert symptoms.judge_inputs(wide) == (None, "")
    wide[:, 7] += 60
    assert symptoms.judge_inputs(wide)[1].startswith("feature 7 lies far from 0, at 11")


def test_a_small_constant_is_no_matter_of_scale():
    assert symptoms.judge_inputs(np.column_stack([X * 8, np.full(150, -0.02)])) == (None, "")
    assert "feature 0 only to" in symptoms.judge_inputs(np.column_stack([X[:, 0] / 1e4, X]))[1]


def test_half_a_layer_of_dead_units_is_no_cause_for_alarm():
    spec = Architecture((4, 40, 1), "relu", "squared_error", (0.0, 0.0), False)
    start = spec.initial_parameters("he_normal", np.random.default_rng(0), float)
    limit = int(symptoms.DEAD.limit * 40)
    for n in (limit - 1, limit):
        weights = Weights(start.copy(), spec.initial_statistics(float))
        spec.blocks["b[1]"].of(weights.theta)[:n] = -100
        advice = symptoms.on_fitted(spec, weights, Rows(X, X[:, :1]))
        dead = [line for line in advice if line.startswith("30 of the 40 units of hidden layer 1")]
        assert len(dead) == (n == limit)


@pytest.mark.parametrize("shape", [(1, 1), (1, 5), (3000, 3), (1025, 1), (50, 2000)])
@pytest.mark.parametrize("order", ["C", "F"])
def test_ranges_of_features(shape, order):
    X = np.asarray(np.random.default_rng(0).normal(size=shape), order=order)
    for each in (X, csr_array(X)):
        low, high = ranges(each)
        np.testing.assert_array_equal(low, X.min(axis=0))
        np.testing.assert_array_equal(high, X.max(axis=0))
