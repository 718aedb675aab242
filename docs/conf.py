"""Sphinx settings: strict, and without a network."""

from sknn_opt import __version__ as release

project = "sknn_opt"
author = "The sknn_opt developers"
copyright = f"2026, {author}"

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.doctest",
    "numpydoc",
]
exclude_patterns = ["_build"]
templates_path = ["_templates"]

html_theme = "pydata_sphinx_theme"
html_title = f"sknn_opt {release}"
html_show_sourcelink = False

numpydoc_show_class_members = False
# each parameter of a signature is documented (PR01), no other (PR02), in that order (PR03)
numpydoc_validation_checks = {"PR01", "PR02", "PR03"}
# results: their attributes are documented
numpydoc_validation_exclude = {
    r"\.GradientReport$",
    r"\.BlockCheck$",
    r"\.ShiftReport$",
    r"\.FeatureShift$",
}


def skip_inherited_from_sklearn(app, what, name, obj, skip, options):
    """Leave out the members that scikit-learn defines and documents."""
    return (getattr(obj, "__module__", None) or "").startswith("sklearn") or None


def setup(app):
    """Connect the filter above."""
    app.connect("autodoc-skip-member", skip_inherited_from_sklearn)
