"""What all reports share, on a report of colored lamps; and that all are such reports."""

import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from sknn_opt import GradientReport, ShiftReport, SignalReport
from sknn_opt.checks.layout import RED, WIDTH, Column, Table
from sknn_opt.checks.report import Report
from sknn_opt.records import ImportanceReport, PointSignals, RetestReport

KINDS = [GradientReport, ShiftReport, SignalReport, ImportanceReport, RetestReport]


@dataclass(frozen=True)
class Lamp:
    name: str
    verdict: str

    @property
    def passed(self):
        return self.verdict != "WRONG"

    def cells(self):
        return self.name, "", self.verdict


@dataclass(frozen=True, repr=False)
class LampReport(Report):
    lamps: tuple
    notes: tuple = ()

    _COLUMNS = (
        Column("lamp", "Its <name>.", left=True),
        Column("nothing", "There is nothing.", 2),
        Column("verdict", "How it shines.", 1),
    )
    _VERDICTS = dict.fromkeys(("OK", "UNKNOWN", "WRONG"), "It is so.")
    _REMARKS = ("Look at them by day.",)

    def _rows(self):
        return self.lamps

    def _names(self):
        return [lamp.name for lamp in self.lamps]

    def _records(self):
        return [{"name": lamp.name} for lamp in self.lamps]

    def _tables(self):
        order = [*self._VERDICTS]
        yield Table("lamps", self.lamps, lambda lamp: order.index(lamp.verdict), ("below <it>",))

    def _verdict_lines(self):
        yield f"{self.verdict}: so it is"
        yield "for a reason"


BAD = LampReport((Lamp("<a>", "OK"), Lamp("green", "WRONG"), Lamp("b", "UNKNOWN")), ("as seen",))


def test_the_gravest_verdict_counts():
    assert (BAD.verdict, BAD.passed) == ("WRONG", False)
    unknown = LampReport(BAD.lamps[::2])
    assert (unknown.verdict, unknown.passed) == ("UNKNOWN", True)
    unknown.raise_if_failed()
    with pytest.raises(AssertionError) as caught:
        BAD.raise_if_failed()
    assert str(caught.value) == str(BAD)
    assert repr(BAD) == "<LampReport: WRONG: so it is; print it to see the table>"


def test_text():
    assert str(BAD).splitlines() == [
        "WRONG: so it is",
        "for a reason",
        "",
        "lamps",
        "lamp   verdict",
        "--------------",
        "green    WRONG",
        "b      UNKNOWN",
        "<a>         OK",
        "below <it>",
        "note: as seen",
        "what the columns mean: report.explain()",
    ]


def test_full_text_keeps_the_order():
    full = BAD.full()
    assert repr(full) == full == str(full)
    assert full.splitlines() == [
        "WRONG: so it is",
        "for a reason",
        "",
        "lamps",
        "lamp   verdict",
        "--------------",
        "<a>         OK",
        "green    WRONG",
        "b      UNKNOWN",
        "below <it>",
        "",
        "note: as seen",
        "what the columns mean: report.explain()",
    ]
    assert "<td>&lt;a&gt;</td>" in full._repr_html_()


def test_page():
    page = BAD._repr_html_()
    assert page.startswith(
        f'<p><b style="color:{RED}">WRONG: so it is</b></p><ul><li>for a reason</li></ul><table>'
    )
    assert page.count("<tr>") == 4
    assert "nothing" not in page
    assert '<th title="Its &lt;name&gt;.">lamp</th>' in page
    assert f'<td style="color:{RED};font-weight:bold">WRONG</td>' in page
    assert page.index("green") < page.index("<td>b</td>") < page.index("<td>&lt;a&gt;</td>")
    assert "<ul><li>below &lt;it&gt;</li></ul>" in page
    assert page.endswith(
        "<ul><li>note: as seen</li><li>what the columns mean: report.explain()</li></ul>"
    )


def test_explanation():
    text = BAD.explain()
    assert text.splitlines() == [
        "The columns",
        "-----------",
        "lamp     Its <name>.",
        "nothing  There is nothing.",
        "verdict  How it shines.",
        "",
        "The verdicts",
        "------------",
        "OK       It is so.",
        "UNKNOWN  It is so.",
        "WRONG    It is so.",
        "",
        "Look at them by day.",
    ]
    assert "<dt><b>lamp</b></dt><dd>Its &lt;name&gt;.</dd>" in text._repr_html_()


def test_nothing_at_all():
    nothing = LampReport(())
    assert (nothing.verdict, nothing.passed) == ("OK", True)
    assert str(nothing).splitlines() == [
        "OK: so it is",
        "for a reason",
        "what the columns mean: report.explain()",
    ]
    assert "lamps" in nothing.full()
    assert nothing._repr_html_().count("<table>") == 0


def test_frame(monkeypatch):
    pandas = pytest.importorskip("pandas")
    frame = BAD.to_frame()
    assert isinstance(frame, pandas.DataFrame)
    assert list(frame["name"]) == ["<a>", "green", "b"]
    monkeypatch.setitem(__import__("sys").modules, "pandas", None)
    with pytest.raises(ImportError, match="pip install pandas"):
        BAD.to_frame()


@pytest.mark.parametrize("kind", KINDS)
def test_every_report_has_this_base(kind):
    assert issubclass(kind, Report)
    shared = {"raise_if_failed", "full", "explain", "__str__", "__repr__", "_repr_html_"}
    assert shared.isdisjoint(vars(kind))


@pytest.mark.parametrize("kind", KINDS)
def test_every_verdict_is_in_the_docs(kind):
    page = (Path(__file__).parents[2] / "docs" / "reports.rst").read_text(encoding="utf-8")
    assert all(re.search(rf"(?<!\w){word}(?!\w)", page) for word in kind._VERDICTS)


def test_the_words_of_signals():
    (words,) = re.findall(r"verdict : \{(.*?)\}", PointSignals.__doc__)
    assert set(re.findall('"(.*?)"', words)) == SignalReport._VERDICTS.keys()


@pytest.mark.parametrize("kind", KINDS)
def test_every_column_is_explained(kind):
    headings = [column.heading for column in kind._COLUMNS]
    assert len(set(headings)) == len(headings)
    for column in kind._COLUMNS:
        assert column.meaning.endswith(".")
    always = [column.least + 2 for column in kind._COLUMNS if not column.rank]
    assert sum(always) - 2 <= WIDTH
    assert all(meaning.endswith(".") for meaning in kind._VERDICTS.values())
