"""How reports are laid out: the verdict first, then the worst rows, within 20 lines of 80 columns.

A `Sheet` is what is shown, whether as text or as HTML: `short_sheet` chooses what fits into a
terminal, `full_sheet` takes everything. `as_text` and `as_html` write a sheet, in the same order.
"""

from __future__ import annotations

import html
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Self

from sknn_opt.checks.texts import one_line, padded, plain, shortened, told_apart, width, wrapped

LINES, WIDTH = 20, 80
HEAD, ONE, NOTES, CLOSING = 8, 4, 2, 3  # lines of the verdict, of one sentence in it, and below
CELL, INDENT = 24, 4

GREEN, AMBER, RED = "#1b7837", "#8a6d00", "#b2182b"
COLORS = dict.fromkeys(("OK", "HEALTHY", "CLEAR", "STILL FIRST"), GREEN)
COLORS |= dict.fromkeys(("WRONG", "SHIFTED", "STALE", "BETTER", "FAILED"), RED)
COLORS |= dict.fromkeys(("VANISHING", "EXPLODING", "DEAD", "SATURATED", "COLLAPSED", "SLOW"), RED)
COLORS |= dict.fromkeys(("KINK", "INCONCLUSIVE", "UNKNOWN", "PARTIAL", "UNCLEAR"), AMBER)
COLORS["CANNOT SAY"] = AMBER


class Page(str):
    """A text that a prompt shows as it prints, and a notebook as HTML."""

    _page: str

    def __new__(cls, text: str, page: str) -> Self:
        """The text, which knows its HTML."""
        self = super().__new__(cls, text)
        self._page = page
        return self

    def __repr__(self):
        return str(self)

    def _repr_html_(self):
        return self._page


@dataclass(frozen=True)
class Column:
    """A column of a report: its heading, what it means, and how soon a narrow page drops it."""

    heading: str
    meaning: str
    rank: int = 0  # the higher, the sooner
    left: bool = False  # aligned
    least: int = CELL  # columns of a long text in it that are worth their room


@dataclass(frozen=True)
class Table:
    """Rows with a caption, a line or two below them, and how grave a row is."""

    caption: str
    rows: Sequence[Any]
    gravity: Callable[[Any], Any]
    below: tuple[str, ...] = ()

    @property
    def gravest(self) -> Any:
        """The gravity of the worst row."""
        return max(map(self.gravity, self.rows))

    @property
    def n_lines(self) -> int:
        """The lines of all but the rows: a blank one, caption, head and rule."""
        return 4 + _n_lines(self.below)


@dataclass(frozen=True)
class Drawn:
    """A table as it is shown: texts, in the columns that are kept."""

    caption: str
    columns: list[Column]
    cells: list[list[str]]
    below: tuple[str, ...] = ()


@dataclass(frozen=True)
class Sheet:
    """What is shown: sentences, tables, notes and where to find more, in this order."""

    head: list[str]
    tables: list[Drawn]
    foot: list[str]


def full_sheet(head, notes, tables, columns, cells_of):
    """Everything, the rows in their own order."""
    drawn = []
    for table in tables:
        cells = [[plain(text) for text in cells_of(row)] for row in table.rows]
        keep = _filled(cells)
        rows = [[row[i] for i in keep] for row in cells]
        drawn.append(Drawn(plain(table.caption), [columns[i] for i in keep], rows, table.below))
    return Sheet([*map(one_line, head)], drawn, [*map(one_line, notes), EXPLAIN])


def short_sheet(head, notes, tables, columns, cells_of):
    """The verdict, and of the rows the worst, as many as there is room for."""
    head, n_head = _first_lines(head, HEAD)
    notes, n_notes = _first_lines(notes, NOTES)
    room = LINES - CLOSING - _n_lines(head) - _n_lines(notes)
    tables = sorted((t for t in tables if t.rows), key=lambda t: t.gravest, reverse=True)
    drawn, hidden, n_dropped = [], [], 0
    for table in tables:
        n = max(min(room - table.n_lines, len(table.rows)), 0)
        if drawn and n < len(table.rows):  # a second table is shown whole or not at all
            n = 0
        rows = sorted(table.rows, key=table.gravity, reverse=True)
        hidden += rows[n:]
        if n:
            shown, dropped = _fitted(table, [cells_of(row) for row in rows[:n]], columns)
            drawn.append(shown)
            n_dropped = max(n_dropped, dropped)
            room -= table.n_lines + n
    n_rows = sum(len(table.rows) for table in tables)
    return Sheet(head, drawn, [*notes, *_closing(hidden, n_rows, n_dropped, n_head + n_notes)])


EXPLAIN = "what the columns mean: report.explain()"


def _closing(hidden, n_rows, n_columns, n_sentences):
    """What is not shown, and where it is."""
    counts = Counter(verdict for row in hidden if (verdict := getattr(row, "verdict", "")))
    words = ", ".join(f"{count:,} {verdict}" for verdict, count in counts.most_common())
    parts = [f"{len(hidden):,} of {n_rows:,} rows" + f" ({words})" * bool(words)] * bool(hidden)
    for n, word in ((n_columns, "column"), (n_sentences, "sentence")):
        parts += [f"{n} {word}{'s' * (n > 1)}"] * bool(n)
    if parts:
        yield f"not shown: {', '.join(parts)}; all: report.full()"
    yield EXPLAIN


def _first_lines(sentences, n_lines):
    """Sentences that fit into so many lines, long ones without their middle; how many do not."""
    kept, sentences = [], [one_line(sentence, WIDTH - INDENT) for sentence in sentences]
    for sentence in sentences:
        left = n_lines - _n_lines(kept)
        if left <= 0:
            break
        kept.append(_within(sentence, min(left, ONE)))
    return kept, len(sentences) - len(kept)


def _within(sentence, n_lines):
    """A sentence that takes no more than so many lines."""
    columns, short = n_lines * WIDTH, sentence
    while len(wrapped(short, WIDTH)) > n_lines:
        short = one_line(shortened(sentence, columns), WIDTH - INDENT)
        columns -= 4
    return short


def _n_lines(sentences):
    return sum(len(wrapped(sentence, WIDTH)) for sentence in sentences)


def _filled(cells):
    """The columns in which something stands."""
    return [i for i in range(len(cells[0]) if cells else 0) if any(row[i] for row in cells)]


def _fitted(table, cells, columns):
    """A table within the page's width, and how many columns were dropped for it."""
    keep = _filled(cells)
    filled = len(keep)
    wants = {i: max(width(plain(text)) for text in _column(cells, columns, i)) for i in keep}
    least = {i: min(wants[i], columns[i].least) for i in keep}
    while sum(least[i] + 2 for i in keep) - 2 > WIDTH:
        last = max(columns[i].rank for i in keep)
        keep = [i for i in keep if columns[i].rank < last] or keep[:1]
    room = WIDTH + 2 - sum(least[i] + 2 for i in keep)
    texts = []
    for i in keep:
        more = min(wants[i] - least[i], room)
        room -= more
        texts.append(told_apart([row[i] for row in cells], least[i] + more))
    rows = [[*row] for row in zip(*texts, strict=True)]
    caption, kept = shortened(plain(table.caption), WIDTH), [columns[i] for i in keep]
    return Drawn(caption, kept, rows, table.below), filled - len(keep)


def _column(cells, columns, i):
    return [columns[i].heading, *(row[i] for row in cells)]


def explanation(columns, verdicts, remarks):
    """What columns and verdicts mean, as text and as HTML."""
    parts = {
        "The columns": {column.heading: column.meaning for column in columns},
        "The verdicts": {word.upper(): meaning for word, meaning in verdicts.items()},
    }
    lines, page = [], ""
    for title, meanings in parts.items():
        n = max(map(width, meanings), default=0)
        lines += [title, "-" * len(title)]
        for word, meaning in meanings.items():
            first, *rest = wrapped(meaning, WIDTH - n - 2, "")
            lines += [f"{padded(word, n, left=True)}  {first}", *(" " * (n + 2) + r for r in rest)]
        lines.append("")
        pairs = (
            f"<dt><b>{html.escape(w)}</b></dt><dd>{html.escape(m)}</dd>"
            for w, m in meanings.items()
        )
        page += f"<p><b>{title}</b></p><dl>{''.join(pairs)}</dl>"
    for remark in remarks:
        lines += wrapped(remark, WIDTH, "")
        page += f"<p>{html.escape(remark)}</p>"
    return "\n".join(lines).rstrip(), page


def as_text(sheet: Sheet, columns: int | None = None) -> str:
    """A sheet for a terminal, its sentences broken at so many columns."""

    def lines_of(sentences):
        for sentence in sentences:
            yield from wrapped(sentence, columns) if columns else [sentence]

    lines = [*lines_of(sheet.head)]
    for table in sheet.tables:
        lines += ["", table.caption, *_grid(table), *lines_of(table.below)]
    return "\n".join([*lines, *[""] * (not columns), *lines_of(sheet.foot)])


def _grid(table):
    """The lines of a table: the head, a rule and the rows."""
    rows = [[column.heading for column in table.columns], *table.cells]
    widths = [max(map(width, texts)) for texts in zip(*rows, strict=True)]
    look = [*zip(widths, (column.left for column in table.columns), strict=True)]
    lines = [
        "  ".join(padded(t, n, left=left) for t, (n, left) in zip(row, look, strict=True)).rstrip()
        for row in rows
    ]
    return [lines[0], "-" * max(map(width, lines)), *lines[1:]]


def as_html(sheet: Sheet) -> str:
    """A sheet for a notebook; each heading tells what its column means."""
    first, *rest = sheet.head
    color = COLORS.get(first.partition(":")[0])
    style = f' style="color:{color}"' if color else ""
    tables = "".join(_html_table(table) + _html_list(table.below) for table in sheet.tables)
    head = f"<p><b{style}>{html.escape(first)}</b></p>{_html_list(rest)}"
    return f"{head}{tables}{_html_list(sheet.foot)}"


def _html_table(table):
    heads = "".join(
        f'<th title="{html.escape(column.meaning)}">{html.escape(column.heading)}</th>'
        for column in table.columns
    )
    body = "".join(f"<tr>{''.join(map(_html_cell, row))}</tr>" for row in table.cells)
    top = f"<caption>{html.escape(table.caption)}</caption><thead><tr>{heads}</tr></thead>"
    return f"<table>{top}<tbody>{body}</tbody></table>"


def _html_cell(text):
    style = f' style="color:{COLORS[text]};font-weight:bold"' if text in COLORS else ""
    return f"<td{style}>{html.escape(text)}</td>"


def _html_list(lines: Iterable[str]) -> str:
    items = "".join(f"<li>{html.escape(line)}</li>" for line in lines)
    return f"<ul>{items}</ul>" if items else ""
