"""What a file of this package is as code: without what cannot change a result, and its imports.

Reading a file as code takes a hundred times longer than reading it, and every job asks this of
hundreds of files. So what was found is kept beside the package, by the content of each file.
"""

import ast
import atexit
import hashlib
import json
import platform
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import NamedTuple

from mtnas.runtime.files import atomic_path

SHOWN = {"TITLE", "PLACE"}  # constants that only readers see
KEPT = Path(__file__).resolve().parents[1] / "__pycache__/code.json"
_WITH_DOCSTRING = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


class Facts(NamedTuple):
    """The SHA-256 of a file's canonical code, and the dotted names that it imports."""

    fingerprint: str
    imports: tuple[str, ...]


@cache
def facts_of(path: Path) -> Facts:
    """Return the facts of a file; one that is not Python counts as it is and imports nothing."""
    text = path.read_text(encoding="utf-8")
    if path.suffix != ".py":
        return Facts(hashlib.sha256(text.encode()).hexdigest(), ())
    digest = hashlib.sha256((_rules() + text).encode()).hexdigest()
    kept = _kept().get(str(path))
    if kept is None or kept[0] != digest:
        kept = _kept()[str(path)] = (digest, _read_as_code(text, path))
    return kept[1]


def canonical_code(tree: ast.AST) -> str:
    """Return source text without comments, docstrings, formatting and titles."""
    if isinstance(tree, ast.Module):
        tree.body = [node for node in tree.body if not _is_shown(node)]
    for node in ast.walk(tree):
        if isinstance(node, _WITH_DOCSTRING) and ast.get_docstring(node, clean=False) is not None:
            node.body = node.body[1:] or [ast.Pass()]
    return ast.unparse(tree)


def _read_as_code(text: str, path: Path) -> Facts:
    tree = ast.parse(text, filename=str(path))
    imports = _imports(tree)  # before anything is taken out of the tree
    return Facts(hashlib.sha256(canonical_code(tree).encode()).hexdigest(), imports)


def _imports(tree: ast.Module) -> tuple[str, ...]:
    """Name what a file imports, but for what only type checkers see."""
    names: dict[str, None] = {}
    for statement in tree.body:
        if _is_for_types(statement):
            continue
        for node in ast.walk(statement):
            if isinstance(node, ast.Import):
                names |= dict.fromkeys(alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module:
                whole = (f"{node.module}.{alias.name}" for alias in node.names)
                names |= dict.fromkeys((node.module, *whole))
    return tuple(names)


def _is_shown(node: ast.stmt) -> bool:
    """Whether a statement gives one of the constants `SHOWN` its value."""
    return isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) in SHOWN


def _is_for_types(node: ast.stmt) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"


@cache
def _rules() -> str:
    """Return what changes with the rules of this file, and with how this Python writes code."""
    return Path(__file__).read_text(encoding="utf-8") + platform.python_version()


@cache
def _kept() -> dict[str, tuple[str, Facts]]:
    """Return what earlier processes found, by file; what this one finds is kept when it ends."""
    found: dict[str, tuple[str, Facts]] = {}
    with suppress(OSError, ValueError, TypeError, AttributeError):  # only speed is lost
        for path, (digest, (code, imports)) in json.loads(KEPT.read_text("utf-8")).items():
            found[path] = (digest, Facts(code, tuple(imports)))
    atexit.register(_keep, found, dict(found))
    return found


def _keep(found: dict[str, tuple[str, Facts]], before: dict[str, tuple[str, Facts]]) -> None:
    if found != before:
        with suppress(OSError), atomic_path(KEPT) as temporary:
            temporary.write_text(json.dumps(found), encoding="utf-8")
