"""What keeps the code readable: short functions, short files, nothing that no code calls."""

import ast
import re

import pytest

from mtnas.runtime.provenance import REPOSITORY

SOURCES = sorted(REPOSITORY.glob("src/mtnas/**/*.py"))
FUNCTIONS = ast.FunctionDef | ast.AsyncFunctionDef


def too_long(text, function=40, file=300):
    """Return what is longer than allowed: the name of a function, or `file`, and its lines."""
    tree, lines = ast.parse(text), len(text.splitlines())
    found = {
        node.name: node.end_lineno - node.lineno + 1
        for node in ast.walk(tree)
        if isinstance(node, FUNCTIONS) and node.end_lineno - node.lineno >= function
    }
    return found | ({"file": lines} if lines > file else {})


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("def f():\n" + 39 * " x = 1\n", {}),
        ("class A:\n def f(self):\n" + 40 * "  x = 1\n", {"f": 41}),
        (300 * "x = 1\n", {}),
        (301 * "x = 1\n", {"file": 301}),
    ],
)
def test_long_code_is_found(text, found):
    assert too_long(text) == found


def test_functions_and_files_are_short():
    found = {str(path): too_long(path.read_text(encoding="utf-8")) for path in SOURCES}
    assert {path: long for path, long in found.items() if long} == {}


def test_a_hook_of_the_workflow_stands_once():
    """Snakemake keeps the last `onstart`, `onsuccess` and `onerror` that it reads, silently."""
    files = [REPOSITORY / "Snakefile", *sorted((REPOSITORY / "rules").glob("*.smk"))]
    text = "\n".join(path.read_text() for path in files)
    found = re.findall(r"^(on(?:start|success|error)):", text, re.M)
    assert sorted(found) == ["onerror", "onstart", "onsuccess"]
