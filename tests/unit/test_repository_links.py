"""Links between the files of the repository."""

import re

from tests.conftest import REPOSITORY


def test_every_relative_link_of_a_page_leads_to_a_file() -> None:
    pages = [REPOSITORY / "README.md", REPOSITORY / "CONTRIBUTING.md"]
    pages += [page for page in (REPOSITORY / "docs").rglob("*.md") if "_build" not in page.parts]
    broken = [
        f"{page.relative_to(REPOSITORY)}: {target}"
        for page in pages
        for target in re.findall(r"\]\(([^)#\s]+)", re.sub(r"`[^`\n]*`", "", page.read_text()))
        if not re.match(r"[a-z]+:", target) and not (page.parent / target).exists()
    ]
    assert len(pages) > 25 and broken == []
