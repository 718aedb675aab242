"""Whatever people read has American spelling, as the API has it, and calls a bug a bug."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PLACES = ("*.md", "docs/*.rst", "examples/**/*.rst") + tuple(
    f"{folder}/**/*.py" for folder in ("examples", "benchmarks", "sknn_opt")
)
FILES = sorted(path for place in PLACES for path in ROOT.glob(place))

IZE = (
    "categor|character|custom|discret|final|general|initial|local|maxim|memor|minim|normal|optim|"
    "organ|parallel|penal|prior|real|recogn|regular|serial|standard|summar|synchron|util|vector|"
    "visual"
)
ROOTS = {
    "analyse": "analyze",
    "analysing": "analyzing",
    "artefact": "artifact",
    "behaviour": "behavior",
    "cancelled": "canceled",
    "catalogue": "catalog",
    "centred": "centered",
    "centre": "center",
    "centring": "centering",
    "colour": "color",
    "favour": "favor",
    "grey": "gray",
    "honour": "honor",
    "judgement": "judgment",
    "labelled": "labeled",
    "labelling": "labeling",
    "licence": "license",
    "modelled": "modeled",
    "modelling": "modeling",
    "neighbour": "neighbor",
    "rigour": "rigor",
    "tumour": "tumor",
    "whilst": "while",
}
ALLOWED = {"analyses", "greys"}  # the plural of "analysis", and a color map of matplotlib
RULES = (
    (rf"({IZE})is(?=e|ing|ation|able)", lambda found: f"{found[1]}iz"),
    ("|".join(ROOTS), lambda found: ROOTS[found[0]]),
    (r"(?<![a-z])slip(?=s?(?![a-z]))", lambda found: "bug"),
    (r"(?<![a-z])maths(?![a-z])", lambda found: "math"),
)


def faults(text):
    """What is to be written otherwise: "line: word -> better word"."""
    for number, line in enumerate(text.lower().splitlines(), start=1):
        for word in re.findall(r"\w+", line):
            better = word
            for pattern, replacement in RULES:
                better = re.sub(pattern, replacement, better)
            if better != word and word not in ALLOWED:
                yield f"{number}: {word} -> {better}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_words(path):
    assert list(faults(path.read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize(
    ("word", "better"),
    [
        ("Normalised", "normalized"),
        ("standardising", "standardizing"),
        ("initialisation", "initialization"),
        ("minimises", "minimizes"),
        ("unrecognisable", "unrecognizable"),
        ("COLOURS", "colors"),
        ("centred", "centered"),
        ("neighbouring", "neighboring"),
        ("analysed", "analyzed"),
        ("with_slip", "with_bug"),
        ("slips", "bugs"),
        ("Maths", "math"),
    ],
)
def test_the_rule_sees(word, better):
    assert list(faults(f"\nthe {word}")) == [f"2: {word.lower()} -> {better}"]


def test_the_rule_allows():
    text = "normalized colors, realistic analyses, a promise, slippery, optimistic, labelleft"
    assert list(faults(text)) == []
    assert {path.suffix for path in FILES} == {".md", ".rst", ".py"}
