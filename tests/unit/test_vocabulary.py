"""Words that documentation, docstrings and messages do not use, with those that replace them."""

import ast
import re

from tests.conftest import REPOSITORY

EVERYWHERE = {
    r"learned[ _-]part": "gain over controls",
    r"shares? redrawn": "corruption level",
    r"mend(s|ed|ing)?": "retrain on cleaned labels, correct",
    r"kept (epoch|state)s?": "checkpoint",
    r"of (the user's|one's) own": "custom",
    r"plain ways?": "baseline",
    r"processor's (time|seconds)": "CPU seconds",
    r"canvas(es)?": "composite image",
    r"pictures?": "image, figure",
    r"anew": "again",
    r"beside": "compared with, next to",
    r"tells?|(is|are) told": "report, print",
    r"hand(s|ed)? on": "pass",
}
PAGES = EVERYWHERE | {
    r"surely": "a number",
    r"so many (of|as)": "as many",
    r"misspelt": "misspelled",
}
EXCEPTIONS = {
    r"^```.*?^```": "code",
    r"`[^`\n]*`": "names of keys, files and columns",
    r"\]\([^)]*\)": "addresses",
    r"^\| [\w-]+ \|": "keys in a generated table",
    r"^canvas( net| batches)?$": "names of random streams, which decide numbers",
}
NOT_YET = {"disambiguation.md", "label_issues.md"}  # older than this check


def found(text: str, words: dict[str, str]) -> list[str]:
    """Words that a text should not use, each with what to write instead."""
    for exception in EXCEPTIONS:
        text = re.sub(exception, "", text, flags=re.DOTALL | re.MULTILINE)
    every = [(re.finditer(rf"(?<![\w.-])({w})(?![\w(])", text, re.I), words[w]) for w in words]
    return [f"{use[0]!r}: write {instead}" for uses, instead in every for use in uses]


def test_pages_and_strings_of_code_use_plain_words() -> None:
    texts = {}
    for page in [*REPOSITORY.glob("*.md"), *(REPOSITORY / "docs").rglob("*.md")]:
        if "_build" not in page.parts and page.name not in NOT_YET:
            texts[page] = (page.read_text(), PAGES)
    for module in (REPOSITORY / "workflow/scripts").rglob("*.py"):
        constants = [
            n.value for n in ast.walk(ast.parse(module.read_text())) if hasattr(n, "value")
        ]
        texts[module] = ("\n".join(c for c in constants if isinstance(c, str)), EVERYWHERE)
    uses = {str(path): found(*text) for path, text in texts.items()}
    assert {path: words for path, words in uses.items() if words} == {}
