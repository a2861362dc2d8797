"""The examples in the docstrings run, and every public name has one."""

import doctest
from importlib import import_module
from types import ModuleType

import pytest
from tests.conftest import REPOSITORY

import latentgen
from latentgen import registries
from latentgen.probes.make_probe import KINDS

SCRIPTS = REPOSITORY / "workflow" / "scripts"
FILES = sorted(path for path in (SCRIPTS / "latentgen").rglob("*.py") if ">>> " in path.read_text())
MODULES = [
    ".".join(path.relative_to(SCRIPTS).with_suffix("").parts).removesuffix(".__init__")
    for path in FILES
]
PUBLIC = [getattr(latentgen, name) for name in latentgen.__all__]
PROBES = [registries.find(KINDS, name) for name in registries.names(KINDS)]


def examples(module: ModuleType) -> list[doctest.DocTest]:
    """Examples of a module and of all that it defines, decorated or not."""
    tests = doctest.DocTestFinder(recurse=False).find(module)
    for name, value in vars(module).items():
        if callable(value) and getattr(value, "__module__", None) == module.__name__:
            full_name = f"{module.__name__}.{name}"
            tests += doctest.DocTestFinder().find(value, full_name, module, vars(module))
    return [test for test in tests if test.examples]


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of_a_module_run(name: str) -> None:
    tests = examples(import_module(name))
    assert tests
    runner = doctest.DocTestRunner()
    failures: list[str] = []
    for test in tests:
        runner.run(test, out=failures.append)
    assert not failures, "\n".join(failures)


@pytest.mark.parametrize(
    "subject", dict.fromkeys([*PUBLIC, *PROBES]), ids=lambda subject: subject.__name__
)
def test_a_public_name_has_an_example(subject: object) -> None:
    assert ">>> " in (subject.__doc__ or "")
