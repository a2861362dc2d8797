"""Which library files a script uses, so that an edit re-runs exactly the rules that need it."""

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
    files = {name: getattr(module, "__file__", None) for name, module in finder.modules.items()}
    return sorted(file for name, file in files.items() if file and _in_package(name))


def _in_package(module: str) -> bool:
    return module.split(".")[0] == PACKAGE.name
