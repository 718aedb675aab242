"""Whatever a report holds, it keeps within 20 lines of 80 columns and counts what it leaves out."""

import html
import math
import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sknn_opt.checks.gradients.report import VERDICTS as OF_BLOCKS
from sknn_opt.checks.gradients.report import BlockCheck, GradientReport, PointCheck
from sknn_opt.checks.layout import COLORS, LINES, WIDTH
from sknn_opt.checks.shift.report import VERDICTS as OF_FEATURES
from sknn_opt.checks.shift.report import FeatureShift, ShiftReport
from sknn_opt.checks.signals.report import MEANINGS, PointSignals, SignalReport
from sknn_opt.checks.texts import shortened, told_apart, width, wrapped
from sknn_opt.nn.signals import LayerSignals
from sknn_opt.search.importances import ImportanceReport, ParameterImportance
from sknn_opt.search.retest_report import RetestedCandidate, RetestReport
from sknn_opt.training.verdicts import Finding

LONG = "a_name_which_goes_on_and_on_and_differs_from_others_in_number_{}_alone_and_ends_alike"
NAMES = (
    st.text(max_size=8)
    | st.integers(0, 999).map(LONG.format)
    | st.builds(str.__mul__, st.sampled_from(["語", "a\n", "\\n", " "]), st.integers(0, 90))
)
NUMBERS = st.floats() | st.sampled_from([1e250, -1e250, 1e-250, 0.0, math.nan, math.inf])
WORDS = NAMES | st.builds(str.__mul__, NAMES, st.integers(1, 60)) | st.just("a word " * 150)
SENTENCES = st.lists(WORDS, max_size=6).map(tuple)
SIZES = st.sampled_from([1, 2, 3, 7, 30, 500])


def _rows(row, names=NAMES):
    """A few rows, or many that differ in their names."""

    def many(pattern, n, first):
        return [first | {"name": f"{pattern}{i}"} for i in range(n)]

    few = st.lists(row, min_size=1, max_size=20, unique_by=lambda fields: fields["name"])
    return few | st.builds(many, names, SIZES, row)


BLOCKS = st.fixed_dictionaries(
    {
        "name": NAMES,
        "verdict": st.sampled_from(OF_BLOCKS),
        "ratio": NUMBERS,
        "resolution": NUMBERS,
        "index": st.none() | st.lists(st.integers(0, 10**9), max_size=12).map(tuple),
        "analytic": NUMBERS,
        "numeric": NUMBERS,
        "note": WORDS,
        "n_parameters": st.integers(0, 10**12),
    }
)


@st.composite
def gradient_reports(draw):
    points = []
    for name in draw(st.lists(NAMES, min_size=1, max_size=4)):
        rows = [*draw(_rows(BLOCKS)), draw(BLOCKS) | {"name": "all"}]
        checks = tuple(
            BlockCheck(point=name, block=row["name"], layer=None, **_without_name(row))
            for row in rows
        )
        texts = draw(WORDS), draw(SENTENCES)
        found = PointCheck(name, texts[0], checks, texts[0], 1, texts[1], 1, None, None, None)
        points.append(found)
    return GradientReport(tuple(points), draw(SENTENCES))


def _without_name(row):
    return {key: value for key, value in row.items() if key != "name"}


FEATURES = st.fixed_dictionaries(
    {"name": NAMES, "verdict": st.sampled_from(OF_FEATURES), "note": WORDS}
    | dict.fromkeys(("mean_difference", "variance_ratio", "outside"), NUMBERS)
    | dict.fromkeys(("missing", "missing_in_training"), NUMBERS)
)


@st.composite
def shift_reports(draw):
    rows = tuple(FeatureShift(**row) for row in draw(_rows(FEATURES)))
    numbers = draw(st.integers(1, 10**15)), draw(NUMBERS), draw(NUMBERS)
    return ShiftReport(rows, *numbers, draw(SENTENCES))


@st.composite
def signal_reports(draw):
    points = []
    for name in draw(st.lists(NAMES, min_size=1, max_size=3)):
        n, values = draw(SIZES), draw(st.lists(NUMBERS, min_size=6, max_size=6))
        names = ("z_rms", "a_rms", "forward_gain", "backward_gain", "dead", "effective_rank")
        layers = [
            LayerSignals(
                i,
                draw(st.integers(1, 10**9)) if i < 3 else 7,
                **dict(zip(names, values, strict=True)),
            )
            for i in range(n + 1)
        ]
        verdict = draw(st.sampled_from([*MEANINGS]))
        found = draw(st.lists(st.builds(Finding, st.integers(1, n), WORDS, WORDS), max_size=3))
        points.append(PointSignals(name, layers[0], tuple(layers[1:]), verdict, tuple(found)))
    return SignalReport(tuple(points), draw(SENTENCES))


@st.composite
def importance_reports(draw):
    row = st.fixed_dictionaries({"name": NAMES, "importance": NUMBERS, "std": NUMBERS})
    verdicts = st.sampled_from(["CLEAR", "UNCLEAR"])
    rows = tuple(ParameterImportance(**each, verdict=draw(verdicts)) for each in draw(_rows(row)))
    numbers = draw(NUMBERS), draw(st.integers(5, 10**9)), draw(st.integers(0, 10**9))
    return ImportanceReport(rows, *numbers, draw(NAMES), draw(SENTENCES))


@st.composite
def retest_reports(draw):
    n, rows = draw(SIZES), []
    params = draw(st.dictionaries(NAMES, st.text() | st.floats(), max_size=6))
    for i in range(1, n + 1):
        verdict = "OLD BEST" if i == 1 else draw(st.sampled_from(["LEVEL", "WORSE", "FAILED"]))
        scores = (draw(NUMBERS) for _ in range(4)) if i < 4 else (0.5, 0.5, 0.1, 0.1)
        rows.append(RetestedCandidate(i, n + 1 - i, verdict, *scores, params | {"alpha": i}))
    numbers = [draw(NUMBERS) for _ in range(4)]
    return RetestReport(tuple(rows), *numbers, draw(NAMES), 10, 3, draw(SENTENCES))


REPORTS = {
    "gradients": (gradient_reports(), lambda report: len(report.blocks)),
    "shift": (shift_reports(), lambda report: len(report.features)),
    "signals": (signal_reports(), lambda report: sum(len(p.layers) + 1 for p in report.points)),
    "importances": (importance_reports(), lambda report: len(report.parameters)),
    "retest": (retest_reports(), lambda report: len(report.candidates)),
}


@pytest.mark.parametrize("kind", REPORTS)
@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_any_report_keeps_within_the_page(kind, data):
    reports, n_rows = REPORTS[kind]
    report = data.draw(reports)
    text, page = str(report), report._repr_html_()
    lines = text.splitlines()
    assert len(lines) <= LINES
    assert max(map(width, lines)) <= WIDTH
    assert text.encode()
    assert text.startswith(f"{report.verdict.upper()}: ")
    tables = re.findall("<tbody>(.*?)</tbody>", page)
    shown = [re.findall("<tr><td.*?>(.*?)</td>", table) for table in tables]
    left_out = re.search(r"^not shown: ([\d,]+) of ([\d,]+) rows", text, re.MULTILINE)
    hidden = int(left_out[1].replace(",", "")) if left_out else 0
    assert sum(map(len, shown)) + hidden == n_rows(report)
    assert shown
    assert [len(set(names)) for names in shown] == [len(names) for names in shown]
    assert lines[-1] == "what the columns mean: report.explain()"
    assert re.sub(r"\s", "", _bare(text)) == re.sub(r"\s", "", html.unescape(_untagged(page)))
    assert report.full().count("\n") >= n_rows(report)


def _bare(text):
    return "\n".join(line for line in text.splitlines() if set(line) != {"-"})


def _untagged(page):
    return re.sub("<[^>]*>", "", page)


@given(st.lists(NAMES, max_size=30), st.integers(8, 40))
def test_texts_are_told_apart(texts, columns):
    short = told_apart(texts, columns)
    assert all(width(text) <= columns and text.isprintable() for text in short)
    assert len(set(short)) == len(set(texts))


@given(NAMES, st.integers(1, 40))
def test_shortened(text, columns):
    short = shortened(text, columns)
    assert width(short) <= columns
    assert short == text or "…" in short


@given(WORDS, st.integers(8, 90))
def test_wrapped(text, columns):
    lines = wrapped(text, columns)
    assert all(width(line) <= columns for line in lines)
    assert all(line.startswith("    ") for line in lines[1:])


def test_a_wide_letter_takes_two_columns():
    assert width("語a…σ") == 5
    assert shortened("語" * 10, 8) == "語語…語"
    assert told_apart(["年" * 30 + "1", "年" * 30 + "2"], 20) == [
        "年年年年年…年年年年1",
        "年年年年年…年年年年2",
    ]


def test_what_tells_names_apart_is_kept_with_its_ends():
    names = [LONG.format(i) for i in (17, 18)]
    assert told_apart(names, 24) == ["a_name_whi…17…ends_alike", "a_name_whi…18…ends_alike"]
    assert told_apart(names, 12) == ["…17…", "…18…"]


@pytest.mark.parametrize("n", [1, 5, 30, 500])
def test_the_worst_row_is_shown(n):
    rows = [FeatureShift(LONG.format(i), "OK", 0.0, 1.0, 0.0, 0.0, 0.0) for i in range(n - 1)]
    last = FeatureShift("guilty", "SHIFTED", 3.0, 1.0, 0.0, 0.0, 0.0, "mean rose")
    text = str(ShiftReport((*rows, last), 100, 1000, 0.1))
    assert text.startswith(f"SHIFTED: 1 of {n} features (guilty)")
    table = text.splitlines()[
        text.splitlines().index("100 new rows compared with 1,000 of training") :
    ]
    assert table[3].startswith("guilty ")
    assert (f"of {n:,} rows (" in text) == (n > 5)


def test_every_verdict_has_its_color():
    for kind in (GradientReport, ShiftReport, SignalReport, ImportanceReport, RetestReport):
        assert {word.upper() for word in kind._VERDICTS} <= COLORS.keys()
