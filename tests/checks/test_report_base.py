"""What all reports share, on a report of colored lamps; and that all three are such reports."""

from dataclasses import dataclass

import pytest

from sknn_opt import GradientReport, ShiftReport, SignalReport
from sknn_opt.checks.report import RED, Report


@dataclass(frozen=True)
class Lamp:
    name: str
    verdict: str

    @property
    def passed(self):
        return self.verdict != "WRONG"


@dataclass(frozen=True, repr=False)
class LampReport(Report):
    lamps: tuple
    notes: tuple = ()

    _HEAD, _LEFT, _VERDICTS = ("lamp", "nothing", "verdict"), (0,), ("OK", "UNKNOWN", "WRONG")

    def _rows(self):
        return self.lamps

    def _records(self):
        return [{"name": lamp.name} for lamp in self.lamps]

    def _tables(self):
        yield "lamps", [(lamp.name, "", lamp.verdict) for lamp in self.lamps], ["below <it>"]

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
        "lamps",
        "lamp   verdict",
        "--------------",
        "<a>         OK",
        "green    WRONG",
        "b      UNKNOWN",
        "below <it>",
        "",
        "WRONG: so it is",
        "for a reason",
        "note: as seen",
    ]


def test_page():
    page = BAD._repr_html_()
    assert page.count("<tr>") == 4
    assert "<th>nothing</th>" not in page
    assert f'<td style="color:{RED};font-weight:bold">WRONG</td>' in page
    assert "<td>&lt;a&gt;</td>" in page
    assert "<ul><li>below &lt;it&gt;</li></ul>" in page
    assert page.endswith(
        "<p><b>WRONG: so it is</b></p><ul><li>for a reason</li><li>note: as seen</li></ul>"
    )


def test_frame(monkeypatch):
    pandas = pytest.importorskip("pandas")
    frame = BAD.to_frame()
    assert isinstance(frame, pandas.DataFrame)
    assert list(frame["name"]) == ["<a>", "green", "b"]
    monkeypatch.setitem(__import__("sys").modules, "pandas", None)
    with pytest.raises(ImportError, match="pip install pandas"):
        BAD.to_frame()


@pytest.mark.parametrize("kind", [GradientReport, ShiftReport, SignalReport])
def test_every_report_has_this_base(kind):
    assert issubclass(kind, Report)
    assert {"raise_if_failed", "__str__", "__repr__", "_repr_html_"}.isdisjoint(vars(kind))
