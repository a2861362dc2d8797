"""Sphinx configuration: `make docs` builds the site into docs/_build/html."""

import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "workflow" / "scripts"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

project = PROJECT["name"]
release = PROJECT["version"]
author = "the authors of latentgen"
extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.mathjax",
]
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build"]
myst_enable_extensions = ["dollarmath", "deflist"]
myst_heading_anchors = 3
# Links to files of the repository outside docs/ are links to read there, not pages of the site.
suppress_warnings = ["myst.xref_missing", "myst.header"]
html_theme = "furo"
html_title = f"latentgen {release}"
autodoc_member_order = "bysource"
autodoc_typehints = "none"
nitpicky = False
