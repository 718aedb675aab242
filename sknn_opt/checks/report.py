"""What all reports share: a verdict, a table for a terminal and for a notebook, a data frame.

A report has rows, each with a `verdict` and whether it `passed`. It closes with lines: the first
states the verdict in capitals, the others explain it; notes tell what was done to find it.
"""

from __future__ import annotations

import html
from dataclasses import fields
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from pandas import DataFrame

GREEN, AMBER, RED = "#1b7837", "#8a6d00", "#b2182b"
COLORS = {"OK": GREEN, "WRONG": RED, "SHIFTED": RED}
COLORS |= dict.fromkeys(("KINK", "INCONCLUSIVE", "UNKNOWN"), AMBER)


class Report:
    """What a check found. Prints as a table; a notebook shows it as HTML.

    A subclass says in `_HEAD` and `_LEFT` what its columns are and which are aligned to the left,
    in `_VERDICTS` what its rows can be, from the mildest to the gravest, and gives them.
    """

    _HEAD: ClassVar[tuple[str, ...]] = ()
    _LEFT: ClassVar[tuple[int, ...]] = ()
    _VERDICTS: ClassVar[tuple[str, ...]] = ()
    _INDEX: ClassVar[str | None] = None  # of the data frame, by name
    notes: tuple[str, ...] = ()

    def _rows(self):
        """What was judged, an object each with `verdict` and `passed`."""
        raise NotImplementedError

    def _tables(self):
        """(caption, rows of text cells, lines to put below) of each table."""
        raise NotImplementedError

    def _verdict_lines(self):
        """The verdict in a line, then those that explain it."""
        raise NotImplementedError

    def _records(self):
        """A dict for each row of the data frame."""
        return [record(row) for row in self._rows()]

    @property
    def verdict(self) -> str:
        """The gravest verdict of a row."""
        return max((row.verdict for row in self._rows()), key=self._VERDICTS.index)

    @property
    def passed(self) -> bool:
        """Whether all rows passed."""
        return all(row.passed for row in self._rows())

    def raise_if_failed(self) -> None:
        """Raise AssertionError, with the table as its message, unless the check passed."""
        if not self.passed:
            raise AssertionError(str(self))

    def to_frame(self) -> DataFrame:
        """The rows as a pandas DataFrame.

        Raises
        ------
        ImportError
            If pandas is not installed.
        """
        try:
            from pandas import DataFrame
        except ImportError as error:
            message = "to_frame needs pandas; install it with: pip install pandas"
            raise ImportError(message) from error
        frame = DataFrame(self._records())
        return frame.set_index(self._INDEX) if self._INDEX else frame

    def _closing_lines(self):
        yield from self._verdict_lines()
        yield from (f"note: {note}" for note in self.notes)

    def __repr__(self):
        first = next(self._closing_lines())
        return f"<{type(self).__name__}: {first}; print it to see the table>"

    def __str__(self):
        lines = []
        for caption, rows, below in self._tables():
            lines += [caption, *_text_table(self._HEAD, rows, self._LEFT), *below, ""]
        return "\n".join([*lines, *self._closing_lines()])

    def _repr_html_(self):
        tables = (
            _html_table(caption, self._HEAD, rows) + _html_list(below)
            for caption, rows, below in self._tables()
        )
        first, *rest = self._closing_lines()
        return "".join([*tables, f"<p><b>{html.escape(first)}</b></p>", _html_list(rest)])


def record(row):
    """The fields of a row that its text shows."""
    return {f.name: getattr(row, f.name) for f in fields(row) if f.repr and f.name != "passed"}


def _text_table(head, rows, left):
    """Lines: the head, a rule and the rows; columns that are empty throughout are left out."""
    columns, table = _columns(head, rows), [head, *rows]
    widths = {i: max(len(row[i]) for row in table) for i in columns}
    align = {i: str.ljust if i in left else str.rjust for i in columns}
    lines = ["  ".join(align[i](row[i], widths[i]) for i in columns).rstrip() for row in table]
    return [lines[0], "-" * len(lines[0]), *lines[1:]]


def _html_table(caption, head, rows):
    columns = _columns(head, rows)
    heads = "".join(f"<th>{html.escape(head[i])}</th>" for i in columns)
    body = "".join(f"<tr>{''.join(_cell(row[i]) for i in columns)}</tr>" for row in rows)
    top = f"<caption>{html.escape(caption)}</caption><thead><tr>{heads}</tr></thead>"
    return f"<table>{top}<tbody>{body}</tbody></table>"


def _html_list(lines):
    items = "".join(f"<li>{html.escape(line)}</li>" for line in lines)
    return f"<ul>{items}</ul>" if items else ""


def _columns(head, rows):
    return [i for i in range(len(head)) if any(row[i] for row in rows)]


def _cell(text):
    style = f' style="color:{COLORS[text]};font-weight:bold"' if text in COLORS else ""
    return f"<td{style}>{html.escape(text)}</td>"
