"""Tables: of text cells, for a terminal and for a notebook, and as data frames."""

import html


def text_table(head, rows, left=()):
    """Lines: the head, a rule and the rows; columns that are empty throughout are left out."""
    columns = _columns(head, rows)
    table = [head, *rows]
    widths = {i: max(len(row[i]) for row in table) for i in columns}
    lines = [
        "  ".join(
            row[i].ljust(widths[i]) if i in left else row[i].rjust(widths[i]) for i in columns
        ).rstrip()
        for row in table
    ]
    return [lines[0], "-" * len(lines[0]), *lines[1:]]


def html_table(caption, head, rows, colours=None):
    """The same as HTML; `colours` maps whole cells to the colour they are written in."""
    colours, columns = colours or {}, _columns(head, rows)
    heads = "".join(f"<th>{html.escape(head[i])}</th>" for i in columns)
    body = "".join(
        "<tr>" + "".join(_cell(row[i], colours.get(row[i])) for i in columns) + "</tr>"
        for row in rows
    )
    return (
        f"<table><caption>{html.escape(caption)}</caption>"
        f"<thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table>"
    )


def html_lines(first, rest):
    """A line that stands out, and a list of those that explain it."""
    text = f"<p><b>{html.escape(first)}</b></p>"
    if rest:
        text += "<ul>" + "".join(f"<li>{html.escape(line)}</li>" for line in rest) + "</ul>"
    return text


def data_frame(rows, columns=None):
    """A pandas DataFrame; ImportError says what to install."""
    try:
        from pandas import DataFrame
    except ImportError as error:
        raise ImportError("to_frame needs pandas; install it with: pip install pandas") from error
    return DataFrame(rows, columns=columns)


def _columns(head, rows):
    return [i for i in range(len(head)) if any(row[i] for row in rows)]


def _cell(text, colour):
    style = f' style="color:{colour};font-weight:bold"' if colour else ""
    return f"<td{style}>{html.escape(text)}</td>"
