"""Sphinx settings: strict, and without a network, neither to build nor to read."""

import warnings
from pathlib import Path

from docutils.nodes import SkipNode
from docutils.utils.math import latex2mathml

from sknn_opt import __version__ as release

project = "sknn_opt"
author = "The sknn_opt developers"
copyright = f"2026, {author}"

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.doctest",
    "numpydoc",
    "sphinx_gallery.gen_gallery",
]
exclude_patterns = ["_build"]
# the course lies below the examples, and is counted with them once more
suppress_warnings = ["sphinx_gallery.duplicate_filename"]
templates_path = ["_templates"]

toc_object_entries_show_parents = "hide"

html_theme = "pydata_sphinx_theme"
html_title = f"sknn_opt {release}"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_favicon = "_static/icon.svg"
html_show_sourcelink = False
html_sidebars = {"index": [], "changelog": [], "benchmarks": [], "design": []}
html_theme_options = {
    "header_links_before_dropdown": 5,
    "navigation_with_keys": False,
    "show_nav_level": 2,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
}
html_context = {"default_mode": "auto"}
html_math_renderer = "mathml"

numpydoc_show_class_members = False
# each parameter of a signature is documented (PR01), no other (PR02), in that order (PR03)
numpydoc_validation_checks = {"PR01", "PR02", "PR03"}
# results: their attributes are documented
numpydoc_validation_exclude = {r"^sknn_opt\.records\.\w+$"}
autodoc_typehints = "none"  # numpydoc's descriptions say more

# The order of the course is that of its chapters, and its index is written by hand.
sphinx_gallery_conf = {
    "examples_dirs": ["../examples", "../examples/course"],
    "gallery_dirs": ["auto_examples", "auto_course"],
    "filename_pattern": r"[\\/]plot_|[\\/]layers_by_hand[\\/]",  # these run
    "copyfile_regex": r"index\.rst",
    "within_subsection_order": "FileNameSortKey",
    "write_computation_times": False,
    "backreferences_dir": "generated/backreferences",
    "doc_module": ("sknn_opt",),
    "abort_on_example_error": True,
    "capture_repr": (),  # what an example prints, and nothing else
    "default_thumb_file": str(Path(__file__).parent / "_static" / "icon.svg"),
    "download_all_examples": False,
    "image_srcset": ["2x"],
    "min_reported_time": 1000,
    "remove_config_comments": True,
    "reset_modules": ("matplotlib",),
    "show_signature": False,
}
# plt.show() has no window here
warnings.filterwarnings("ignore", message="FigureCanvasAgg is non-interactive")


def skip_what_others_document(app, what, name, obj, skip, options):
    """Leave out the members that scikit-learn's classes and tuples define and document."""
    of_sklearn = (getattr(obj, "__module__", None) or "").startswith("sklearn")
    of_tuple = getattr(obj, "__objclass__", None) is tuple or type(obj).__name__ == "_tuplegetter"
    return of_sklearn or of_tuple or None


def visit_math(translator, node):
    """Write a formula as MathML, which browsers draw by themselves."""
    formula = latex2mathml.tex2mathml(node.astext(), as_block=node.tagname == "math_block")
    if node.tagname == "math_block":
        formula = f'<div class="math">{formula}</div>'
    translator.body.append(formula)
    raise SkipNode


def setup(app):
    """Connect the filter and the formulas above."""
    app.connect("autodoc-skip-member", skip_what_others_document)
    both = (visit_math, None)
    app.add_html_math_renderer("mathml", inline_renderers=both, block_renderers=both)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
