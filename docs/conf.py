"""Sphinx configuration: `make docs` builds the site into docs/_build/html."""

import sys
import tomllib
from pathlib import Path

from docutils import nodes
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.application import Sphinx

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "workflow" / "scripts"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

project = PROJECT["name"]
release = PROJECT["version"]
author = "the authors of latentgen"
copyright = author
extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.doctest",
]
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build"]
myst_enable_extensions = ["dollarmath", "deflist"]
myst_heading_anchors = 3
suppress_warnings = ["myst.header"]
html_theme = "furo"
html_title = f"latentgen {release}"
autodoc_member_order = "bysource"
autodoc_typehints = "none"
html_math_renderer = "mathml"
html_static_path = ["static"]
html_css_files = ["site.css"]


def formula(writer, node):
    """Write a formula as MathML, which browsers show without a script from elsewhere."""
    block = isinstance(node, nodes.math_block)
    mathml = tex2mathml(node.astext(), as_block=block)
    writer.body.append(f'<div class="formula">{mathml}</div>' if block else mathml)
    raise nodes.SkipNode


def one_title(app, page, source):
    """Give the generated list of keys one title, so that it is one line of the contents."""
    if page == "reference/configuration_keys":
        text = source[0].replace("# config.yaml", "# All keys of config.yaml", 1)
        source[0] = text.replace("\n# Definitions", "\n## Definitions")


def setup(app: Sphinx) -> None:
    """Register the renderer of formulas, and the title of the list of keys."""
    app.connect("source-read", one_title)
    app.add_html_math_renderer("mathml", (formula, None), (formula, None))
