"""What classes of an installed package are called and take, read from its source.

Importing torchvision takes seconds, and Snakemake reads the config at every start and in every job.
Its source says at once what may stand there: which classes it exports, what their constructors
take, which words an argument may be, and which files and folders they speak of.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import PurePosixPath

from latentgen import signatures
from latentgen.errors import PipelineError


@dataclass(frozen=True, eq=False)
class WrittenClass:
    """A class as its source has it, with the classes of its package that it inherits from.

    Attributes:
        name: of the class.
        lineage: the class and what it inherits from, nearest first, each with its module.
    """

    name: str
    lineage: tuple[tuple[ast.ClassDef, ast.Module], ...]

    @cached_property
    def parameters(self) -> dict[str, bool]:
        """What the constructor takes, by name: whether it must be given.

        Where it hands further keywords on, those of the next constructor are among them.
        """
        found: dict[str, bool] = {}
        for members in self._members("__init__"):
            found = {**signatures.named_arguments(members.args), **found}
            if members.args.kwarg is None:
                break
        return found

    def choices(self, parameter: str) -> list[str]:
        """Which words a parameter may be, where the class says so by `verify_str_arg`."""
        for definition, module in self.lineage:
            for call in ast.walk(definition):
                if not (isinstance(call, ast.Call) and _last_name(call.func) == "verify_str_arg"):
                    continue
                given = {key.arg: key.value for key in call.keywords}
                names = ("value", "arg", "valid_values")
                given |= dict(zip(names, call.args, strict=False))
                if _constant(given.get("arg")) == parameter:
                    return [str(word) for word in self._words(given.get("valid_values"), module)]
        return []

    @cached_property
    def words(self) -> frozenset[str]:
        """The names of files and folders that the class may speak of.

        These are its own name, and the last part of each text in its code, also without an ending:
        that of an archive is often the name of what is in it. What it inherits and replaces does
        not count.
        """
        texts = {self.name, self.name.lower()}
        seen: set[str] = set()
        for definition, _ in self.lineage:
            own: set[str] = set()
            for statement in definition.body:
                names = set(_names_of(statement))
                own |= names
                if not names or names - seen:
                    texts |= {
                        str(node.value)
                        for node in ast.walk(statement)
                        if isinstance(node, ast.Constant) and isinstance(node.value, str)
                    }
            seen |= own
        parts = [PurePosixPath(text) for text in texts if "\n" not in text]
        return frozenset(word for part in parts for word in (part.name, part.stem) if word)

    def _members(self, name: str) -> Iterator[ast.FunctionDef]:
        for definition, _ in self.lineage:
            for statement in definition.body:
                if isinstance(statement, ast.FunctionDef) and statement.name == name:
                    yield statement

    def _words(self, node: ast.expr | None, module: ast.Module) -> list[object]:
        """The values of an expression that lists words; none if they cannot be read off."""
        match node:
            case ast.Tuple() | ast.List() | ast.Set():
                return [_constant(one) for one in node.elts]
            case ast.Dict():
                return [_constant(key) for key in node.keys]
            case ast.Call(func=ast.Attribute(value=inner, attr="keys")):
                return self._words(inner, module)
            case ast.Call(func=ast.Name(id="tuple" | "list" | "sorted"), args=[inner]):
                return self._words(inner, module)
            case ast.Attribute(value=ast.Name(id="self" | "cls"), attr=name):
                bodies = [definition.body for definition, _ in self.lineage]
                return self._words(_assigned(name, bodies), module)
            case ast.Name(id=name):
                bodies = [
                    [one] for one in ast.walk(self.lineage[0][0]) if isinstance(one, ast.stmt)
                ]
                return self._words(_assigned(name, [*bodies, module.body]), module)
        return []


@cache
def exported(module: str) -> tuple[str, ...]:
    """The names that a module of an installed package exports, in their order.

    >>> "KMNIST" in exported("torchvision.datasets")
    True

    Raises:
        PipelineError: the package is not installed.
    """
    tree = signatures.parsed(module)
    if tree is None:
        raise PipelineError(f"{module}: found no package of that name; it must be installed")
    names = _assigned("__all__", [tree.body])
    return tuple(ast.literal_eval(names)) if names is not None else ()


@cache
def written_class(module: str, name: str) -> WrittenClass:
    """A class that a module exports, as its source has it.

    >>> emnist = written_class("torchvision.datasets", "EMNIST")
    >>> emnist.parameters["split"], emnist.parameters["train"], emnist.choices("split")[-2:]
    (True, False, ['digits', 'mnist'])

    Raises:
        PipelineError: there is no such class, or no such package.
    """
    lineage = [
        (definition, tree)
        for place, definition in signatures.ancestry(signatures.find(module, name))
        if (tree := signatures.parsed(place))
    ]
    if not lineage:
        raise PipelineError(f"{module}: there is no class {name!r}")
    return WrittenClass(name, tuple(lineage))


def _names_of(statement: ast.stmt) -> list[str]:
    """What a statement of a class or module defines."""
    match statement:
        case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
            return [name]
        case ast.Assign(targets=targets):
            return [target.id for target in targets if isinstance(target, ast.Name)]
        case ast.AnnAssign(target=ast.Name(id=name)):
            return [name]
    return []


def _assigned(name: str, bodies: list[list[ast.stmt]]) -> ast.expr | None:
    """What is first assigned to a name in some bodies."""
    for body in bodies:
        for statement in body:
            if name in _names_of(statement) and isinstance(statement, ast.Assign | ast.AnnAssign):
                return statement.value
    return None


def _constant(node: ast.expr | None) -> object:
    return node.value if isinstance(node, ast.Constant) else None


def _last_name(function: ast.expr) -> str:
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
