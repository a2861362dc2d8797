"""Words that documentation, docstrings and messages do not use, with those that replace them."""

import ast
import re
from pathlib import Path

from tests.conftest import REPOSITORY

EVERYWHERE = {
    r"learned[ _-]part": "gain over controls",
    r"shares? redrawn": "corruption level",
    r"shares? of|(the|a|whose|expected|same|least) shares?(?! a )": "fraction",
    r"mend(s|ed|ing)?": "retrain on cleaned labels, correct",
    r"kept (epoch|state)s?": "checkpoint",
    r"(of )?(the user's|your|one's) own (module|class|function|code|files?)": "custom",
    r"of (the user's|your|one's) own": "custom",
    r"plain ways?": "baseline",
    r"aims?": "target",
    r"processor'?s?( time| seconds)?": "CPU seconds, CPU",
    r"canvas(es)?": "composite image",
    r"pictures?": "image, figure",
    r"fill (value|colour)s?": "masking value",
    r"anew": "again",
    r"beside": "compared with, next to",
    r"tells?|told": "report, print, distinguish",
    r"says?|said": "report, print, describe, name",
    r"asks?|asked": "request, need",
    r"knows?": "code is not a person",
    r"hand(s|ed)? on": "pass",
    r"held for both": "cached, held out",
    r"how (it|they) (was|were) chosen": "layer selection rule",
    r"the same of": "a sentence that stands alone",
    r"the network itself": "the model, the network's output",
    r"reads? (a|the) networks?": "extract activations",
    r"networks? (is|are|was|may be)? ?cut|cut at": "truncate at a layer",
    r"places? in a network": "layer",
    r"(from|files?) outside": "external files",
    r"(is|are) through|final whole|no merit of": "a plain verb",
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
    r"users know|reviewer asks|stranger says": "people may know, ask and say",
}
COMMENTED = [
    "config.yaml",
    "config/suites.yaml",
    "slurm/profile.yaml",
    "profiles/default/profile.yaml",
]
NOT_YET = {"label_issues.md"}  # older than this check


def found(text: str) -> list[str]:
    """Words that a text should not use, each with what to write instead."""
    for exception in EXCEPTIONS:
        text = re.sub(exception, "", text, flags=re.DOTALL | re.MULTILINE)
    return [
        f"{use[0]!r}: write {instead}"
        for words, instead in EVERYWHERE.items()
        for use in re.finditer(rf"(?<![\w.-])({words})(?![\w(-])", text, re.I)
    ]


def strings(module: Path) -> str:
    """Docstrings, messages and all other strings of a module."""
    nodes = ast.walk(ast.parse(module.read_text()))
    return "\n".join(
        node.value
        for node in nodes
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    )


def test_pages_captions_comments_and_strings_of_code_use_plain_words() -> None:
    pages = [*REPOSITORY.glob("*.md"), *(REPOSITORY / "docs").rglob("*.md")]
    pages += [*(REPOSITORY / "workflow/report").glob("*.rst")]
    texts = {
        page: page.read_text()
        for page in pages
        if "_build" not in page.parts and page.name not in NOT_YET
    }
    for path in (REPOSITORY / name for name in COMMENTED):
        texts[path] = "\n".join(re.findall(r"#.*", path.read_text()))
    texts |= {path: strings(path) for path in (REPOSITORY / "workflow/scripts").rglob("*.py")}
    uses = {str(path.relative_to(REPOSITORY)): found(text) for path, text in texts.items()}
    assert len(texts) > 200
    assert {path: words for path, words in uses.items() if words} == {}
