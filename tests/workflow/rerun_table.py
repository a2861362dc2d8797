"""docs/reruns.md: which jobs an edit of each module of the library runs again.

`make schema` renews the page, and a test compares it with what this module prints.
"""

from pathlib import Path

from tests.conftest import REPOSITORY

from latentgen.jobs.code_digests import (
    NO_NUMBERS,
    REGISTRIES,
    cannot_change_a_number,
    code_of,
    imported,
)
from latentgen.registries import SCRIPTS, file_of, names

NOT_JOBS = {"make_figure", "make_table", "verify_results"}

PAGE = """# What an edit runs again

Of every job Snakemake remembers a digest of each file of code that the job's numbers depend on
([code.py](../workflow/scripts/latentgen/jobs/code.py)): of the parsed code, without docstrings,
comments and formatting. So an edit of a **docstring**, a **comment** or the **formatting** of any
file runs nothing. An edit of a module's **code** runs what the table says, and what follows from
results that then differ. `snakemake -n` shows it.

Entries of registries (architectures, kinds of noise, kinds of probes, sources, segmenters,
attributions, figures, tables) count for the jobs whose settings name them, and for the modules that
import them. A new entry runs nothing that is there already.

{rows}
"""


def modules() -> list[Path]:
    """All modules of the library but the empty ones that make packages."""
    return sorted(
        file
        for file in (SCRIPTS / "latentgen").rglob("*.py")
        if file.name != "__init__.py" or file.parent.name == "latentgen"
    )


def jobs() -> dict[str, set[str]]:
    """The files of code that a kind of job depends on, whatever its settings, by its name."""
    scripts = sorted(file.stem for file in SCRIPTS.glob("*.py"))
    depends = {name: set(code_of(f"{name}.py")) for name in scripts if name not in NOT_JOBS}
    for kind, key in (("figure", "figures"), ("table", "tables")):
        for name in names(f"latentgen.{key}"):
            depends[f"{kind} {name}"] = set(code_of(f"make_{kind}.py", key, {kind: name}))
    return depends


def entries_with(module: Path) -> list[str]:
    """The settings, such as `architecture: mlp`, that name a module, or one that imports it."""
    return [
        f"{key}: {name}"
        for kinds in REGISTRIES.values()
        for key, registry in kinds.items()
        if key not in ("figure", "table")  # they have names of their own
        for name in names(registry)
        for entry in [file_of(registry, name)]
        if entry == module or module in imported(entry)
    ]


def row(module: Path, depends: dict[str, set[str]]) -> str:
    """What the page says of a module."""
    place = module.relative_to(SCRIPTS).as_posix()
    if cannot_change_a_number(module):
        why = next(why for one, why in NO_NUMBERS.items() if place.startswith(one))
        return f"| `{place}` | nothing: {why} |"
    path = module.relative_to(REPOSITORY).as_posix()
    using = [name for name, files in depends.items() if path in files]
    parts = [f"`{name}`" for name in using if " " not in name]
    for kind in ("figure", "table"):
        of_kind = [name for name in using if name.startswith(f"{kind} ")]
        every = [name for name in depends if name.startswith(f"{kind} ")]
        if of_kind == every:
            parts.append(f"all {kind}s")
        else:
            parts += [f"{kind} `{name.partition(' ')[2]}`" for name in of_kind]
    if not using or "/kinds/" in place:
        parts += [f"jobs with `{setting}`" for setting in entries_with(module)]
    return f"| `{place}` | {', '.join(parts) or 'nothing: no job uses it'} |"


def page() -> str:
    """The whole page."""
    depends = jobs()
    rows = ["| edit of the code of | runs again |", "|---|---|"]
    rows += [row(module, depends) for module in modules()]
    return PAGE.format(rows="\n".join(rows))


if __name__ == "__main__":
    print(page(), end="")
