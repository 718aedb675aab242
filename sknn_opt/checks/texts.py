"""Texts that fit: names shortened and still told apart, sentences broken into lines.

Widths are those of a terminal, where a letter of Chinese, Japanese or Korean takes two columns.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from itertools import accumulate
from unicodedata import east_asian_width

DIGITS = 12
AROUND = 12  # columns, around what tells two texts apart


def plain(text: str) -> str:
    """A text in one line: whatever cannot be printed is spelled as Python spells it."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def width(text: str) -> int:
    """The columns that a text takes in a terminal."""
    if text.isascii():
        return len(text)
    return len(text) + sum(east_asian_width(c) in "WF" for c in text)


def padded(text: str, columns: int, *, left: bool = False) -> str:
    """A text filled up with spaces."""
    fill = " " * (columns - width(text))
    return text + fill if left else fill + text


def shortened(text: str, columns: int) -> str:
    """A long text with its middle left out."""
    if width(text) <= columns:
        return text
    tail = max(columns - 1, 0) // 2
    return f"{_start(text, columns - 1 - tail)}…{_end(text, tail)}"


def _end(text, columns):
    """The last letters of a text."""
    return _start(text[::-1], columns)[::-1]


def _start(text, columns):
    """The first letters of a text, as many as fit."""
    return text[: bisect_right([*accumulate(map(width, text))], columns)]


def number(value: float, form: str) -> str:
    """A number in a format, or with an exponent where that would be long."""
    text = format(value, form)
    return text if len(text) <= DIGITS else f"{value:.2e}"


def told_apart(texts: list[str], columns: int) -> list[str]:
    """Texts in one line each; those that would look alike lose what they have in common instead.

    Where that is not enough they are numbered, so that different texts remain different.
    """
    clean = [*map(plain, texts)]
    short = [shortened(text, columns) for text in clean]
    groups: dict[str, list[int]] = {}
    for i in _alike(texts, short):
        groups.setdefault(short[i], []).append(i)
    for group in groups.values():
        for i, text in zip(group, _middles([clean[i] for i in group], columns), strict=True):
            short[i] = text
    numbers = {text: f"{i}: " for i, text in enumerate(dict.fromkeys(texts), 1)}
    for chosen in (_alike(texts, short), range(len(texts))):
        if _alike(texts, short):
            for i in chosen:
                head = numbers[texts[i]]
                short[i] = head + shortened(clean[i], columns - len(head))
    return short


def _alike(texts, short):
    """The numbers of the texts that are not told apart from others."""
    count = Counter(cut for _, cut in set(zip(texts, short, strict=True)))
    return [i for i, cut in enumerate(short) if count[cut] > 1]


def _middles(texts, columns):
    """Texts that look alike without the start and the end that they share."""
    start, end = _n_common(texts), _n_common([text[::-1] for text in texts])
    end = min(end, min(map(len, texts)) - start)
    while start and texts[0][start - 1] in "0123456789.":  # no number is cut in two
        start -= 1
    middles = [shortened(text[start : len(text) - end], columns - 2) for text in texts]
    room = columns - 2 - max(map(width, middles))
    room = room if room >= AROUND else 0  # a few letters of the ends tell nothing
    pairs = zip(texts, middles, strict=True)
    return [f"{_start(t, room - room // 2)}…{m}…{_end(t, room // 2)}" for t, m in pairs]


def _n_common(texts):
    """How many letters all begin with."""
    first, last = min(texts), max(texts)
    pairs = enumerate(zip(first, last, strict=False))
    return next((i for i, (a, b) in pairs if a != b), min(len(first), len(last)))


def short_names(names: list[str], columns: int) -> dict[str, str]:
    """Names of nested parameters by their last part, where that tells them apart."""
    last = {name: name.rpartition("__")[2] for name in names}
    count = Counter(last.values())
    alone = {name: count[last[name]] == 1 for name in names}
    short = {name: shortened(last[name] if alone[name] else name, columns) for name in names}
    count = Counter(short.values())
    return {
        name: text if count[text] == 1 else f"{i}: {shortened(text, columns - 4)}"
        for i, (name, text) in enumerate(short.items(), 1)
    }


def wrapped(text: str, columns: int, indent: str = " " * 4) -> list[str]:
    """The lines of a text, broken between words; a word that is too long is shortened."""
    first, *words = one_line(text, columns - len(indent)).split(" ")
    lines = [first]
    for word in words:
        if width(lines[-1]) + 1 + width(word) <= columns:
            lines[-1] += f" {word}"
        else:
            lines.append(indent + word)
    return lines


def one_line(text: str, longest: int | None = None) -> str:
    """A sentence without line breaks, in letters that can be printed; long words are shortened."""
    words = map(plain, text.split())
    return " ".join(words if longest is None else (shortened(word, longest) for word in words))
