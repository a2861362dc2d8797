"""Which library files a script uses, so that an edit re-runs exactly the rules that depend on it."""

from functools import cache
from modulefinder import ModuleFinder
from pathlib import Path

PACKAGE = Path(__file__).parent


@cache
def library_files(script: str) -> list[str]:
    """Paths of the package's modules that a script imports, directly or not, in any function.

    Args:
        script: path of the script, which lies beside the package.
    """
    finder = ModuleFinder(path=[str(PACKAGE.parent)])
    finder.run_script(script)
    return sorted(
        module.__file__
        for name, module in finder.modules.items()
        if name.split(".")[0] == PACKAGE.name and module.__file__
    )
