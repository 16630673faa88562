"""From the text of a rule to a function of columns.

Python's parser gives the tree; only the nodes named here are translated, each to a function of
Arrow columns. There are no calls, attributes or subscripts. A missing value is neither true nor
false: it passes through every operation but `is missing` (and `x or true` is true all the same).
"""

import ast
import re
import warnings
from collections.abc import Callable
from functools import reduce
from math import isfinite
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from mtnas.data.sources._tabular.rows import Rows
from mtnas.data.sources._tabular.values import is_number
from mtnas.runtime.errors import ConfigError

LONGEST, DEEPEST = 2_000, 50  # characters, levels of a tree
LARGEST = 2**53  # beyond, neighbouring whole numbers are one float
ALLOWED = (
    "allowed: columns, numbers, texts in quotes, + - * /, == != < <= > >=, in [...], is missing, "
    "and, or, not, parentheses; a name with blanks, dots or dashes, or a Python word, goes in "
    "backticks"
)
_TEXT = r"""("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')"""
_QUOTED_OR_BACKTICKS = re.compile(rf"{_TEXT}|`([^`]*)`")
_OTHER_LANGUAGES = (
    (r"&&?", "write `and`"),
    (r"\|\|?", "write `or`"),
    (r"<>", "write `!=`"),
    (r"!(?!=)", "write `not`"),
    (r"(?<![=!<>])=(?!=)", "write `==` to compare"),
)
_COMPARE = {
    ast.Eq: pc.equal,
    ast.NotEq: pc.not_equal,
    ast.Lt: pc.less,
    ast.LtE: pc.less_equal,
    ast.Gt: pc.greater,
    ast.GtE: pc.greater_equal,
}
_CALCULATE = {ast.Add: pc.add, ast.Sub: pc.subtract, ast.Mult: pc.multiply, ast.Div: pc.divide}
_FLAGS = {"true": True, "false": False}
Function = Callable[[Rows], Any]


class Parser:
    """One text on its way to a function; `columns` maps every column to its place in the text."""

    def __init__(self, text: str) -> None:
        self.text = " ".join(text.split("\n")).strip()
        self.columns: dict[str, int] = {}
        self.texts: list[str] = []
        self._names: dict[str, str] = {}
        self._masked = _QUOTED_OR_BACKTICKS.sub(self._mask, self.text)
        self.tree = self._parse()

    def _mask(self, found: re.Match[str]) -> str:
        """Put a name of the same length for a name in backticks: places stay what they are."""
        if found[2] is None:
            return found[0]
        if not found[2]:
            raise self._bad(found.start(), "no name between the backticks")
        name = chr(0x4E00 + len(self._names)).ljust(len(found[0]), "_")
        self._names[name] = found[2]
        return name

    def _parse(self) -> ast.expr:
        if not self.text:
            raise ConfigError(f"a rule is empty; write such as `rating >= 4`; {ALLOWED}")
        if len(self.text) > LONGEST:
            raise ConfigError(f"a rule has {len(self.text)} characters, {LONGEST} at most")
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of an odd escape in a text
                tree = ast.parse(self._masked, mode="eval").body
        except SyntaxError as error:
            raise self._bad(max((error.offset or 1) - 1, 0), self._hint()) from None
        except (ValueError, RecursionError, MemoryError) as error:
            raise self._bad(0, f"not a rule ({type(error).__name__})") from None
        self._check_depth(tree)
        return tree

    def _check_depth(self, tree: ast.expr) -> None:
        level: list[ast.AST] = [tree]
        for _ in range(DEEPEST):
            level = [child for node in level for child in ast.iter_child_nodes(node)]
        if level:
            raise self._bad(0, f"nested in more than {DEEPEST} levels")

    def _hint(self) -> str:
        """Say what is meant by the sign of another language."""
        bare = _QUOTED_OR_BACKTICKS.sub("", self.text)
        found = [advice for sign, advice in _OTHER_LANGUAGES if re.search(sign, bare)]
        return "; ".join(["not a rule", *found])

    def condition(self, node: ast.expr) -> Function:
        """Translate what is true, false or missing."""
        match node:
            case ast.BoolOp(op=op, values=values):
                join = pc.and_kleene if isinstance(op, ast.And) else pc.or_kleene
                parts = [self.condition(value) for value in values]
                return lambda rows: reduce(join, [part(rows) for part in parts])
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                inner = self.condition(operand)
                return lambda rows: pc.invert(inner(rows))
            case ast.Compare(left=left, ops=ops, comparators=others):
                sides = [left, *others]
                pairs = [self._pair(a, op, b) for a, op, b in zip(sides, ops, others, strict=False)]
                return lambda rows: reduce(pc.and_kleene, [pair(rows) for pair in pairs])
            case ast.Name() if (name := self._column(node)) is not None:
                return lambda rows: rows.flag(name)
            case ast.BinOp(op=ast.BitAnd() | ast.BitOr()):
                raise self._bad_node(node, self._hint())
        raise self._bad_node(node, "a condition is expected here, such as a comparison")

    def _pair(self, left: ast.expr, op: ast.cmpop, right: ast.expr) -> Function:
        """Translate one comparison of two sides."""
        if isinstance(op, ast.Is | ast.IsNot):
            return self._is_missing(left, right, isinstance(op, ast.IsNot))
        if isinstance(op, ast.In | ast.NotIn):
            function = self._in(left, right)
            return _negated(function) if isinstance(op, ast.NotIn) else function
        compare = _COMPARE[type(op)]
        for side, other in ((left, right), (right, left)):
            if (wanted := _flag_of(side)) is not None:
                return self._is_flag(other, op, wanted)
        if _text_of(left) is not None or _text_of(right) is not None:
            a, b = self._text(left, op), self._text(right, op)
        else:
            a, b = self._number(left), self._number(right)
        return lambda rows: compare(a(rows), b(rows))

    def _is_missing(self, left: ast.expr, right: ast.expr, negate: bool) -> Function:
        if not (isinstance(right, ast.Name) and right.id == "missing"):
            raise self._bad_node(right, "after `is` only `missing` or `not missing` can stand")
        name = self._column(left)
        if name is None:
            raise self._bad_node(left, "only a column can be missing")
        if negate:
            return lambda rows: pc.invert(rows.missing(name))
        return lambda rows: rows.missing(name)

    def _is_flag(self, node: ast.expr, op: ast.cmpop, wanted: bool) -> Function:
        if not isinstance(op, ast.Eq | ast.NotEq):
            raise self._bad_node(node, "true and false have no order; write == or !=")
        function = self.condition(node)
        return function if wanted is isinstance(op, ast.Eq) else _negated(function)

    def _in(self, left: ast.expr, right: ast.expr) -> Function:
        """Translate `column in [...]`, and `"text" in column`: the column holds the text."""
        part = _text_of(left)
        if part is not None and (name := self._column(right)) is not None:
            self.texts.append(part)
            return lambda rows: pc.match_substring(rows.text(name), part)
        if not isinstance(right, ast.List | ast.Tuple) or not right.elts:
            raise self._bad_node(right, "after `in` a list is expected, such as [1, 2]")
        texts = [_text_of(item) for item in right.elts]
        if None in texts:
            numbers = pa.array([self._constant(item) for item in right.elts], pa.float64())
            number = self._number(left)
            return lambda rows: _among(number(rows), numbers)
        self.texts += [text for text in texts if text is not None]
        known, text_of = pa.array(texts, pa.string()), self._text(left, ast.In())
        return lambda rows: _among(text_of(rows), known)

    def _text(self, node: ast.expr, op: ast.cmpop) -> Function:
        """Translate one side of a comparison of texts."""
        text = _text_of(node)
        if text is not None:
            if not isinstance(op, ast.Eq | ast.NotEq | ast.In) and is_number(text):
                raise self._bad_node(node, f"texts are ordered letter by letter; write {text}")
            self.texts.append(text)
            return lambda rows: pa.scalar(text)
        if (name := self._column(node)) is not None:
            return lambda rows: rows.text(name)
        raise self._bad_node(node, "a text can be compared with a column only")

    def _number(self, node: ast.expr) -> Function:
        """Translate what is a number."""
        match node:
            case ast.Constant() | ast.UnaryOp(operand=ast.Constant()):
                value = pa.scalar(self._constant(node))
                return lambda rows: value
            case ast.Name() if (name := self._column(node)) is not None:
                return lambda rows: rows.number(name)
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                inner = self._number(operand)
                return lambda rows: pc.negate(inner(rows))
            case ast.UnaryOp(op=ast.UAdd(), operand=operand):
                return self._number(operand)
            case ast.BinOp(left=left, op=op, right=right) if type(op) in _CALCULATE:
                a, b, calculate = self._number(left), self._number(right), _CALCULATE[type(op)]
                return lambda rows: _finite(calculate(a(rows), b(rows)))
        raise self._bad_node(node, "a number or a column is expected here")

    def _constant(self, node: ast.expr) -> float:
        """Return a number that is written out, perhaps with a sign."""
        match node:
            case ast.UnaryOp(op=ast.USub(), operand=ast.Constant() as inner):
                return -self._constant(inner)
            case ast.UnaryOp(op=ast.UAdd(), operand=ast.Constant() as inner):
                return self._constant(inner)
            case ast.Constant(value=int() | float() as value) if not isinstance(value, bool):
                if abs(value) > LARGEST and isinstance(value, int):
                    raise self._bad_node(node, "too large to be exact; compare with it as text")
                if not isfinite(value):
                    raise self._bad_node(node, "not a finite number")
                return float(value)
            case ast.Constant(value=None):
                raise self._bad_node(node, "write `is missing`")
        raise self._bad_node(node, "a number is expected here; texts and numbers do not mix")

    def _column(self, node: ast.expr) -> str | None:
        """Return the column that a node names, and remember its place."""
        if not isinstance(node, ast.Name) or node.id in _FLAGS:
            return None
        if node.id == "missing":
            raise self._bad_node(node, "write `is missing`, or the column's name in backticks")
        name = self._names.get(node.id, node.id)
        self.columns.setdefault(name, self._position(node))
        return name

    def _position(self, node: ast.expr) -> int:
        """Return the character at which a node begins; the tree counts bytes."""
        return len(self._masked.encode()[: node.col_offset].decode())

    def _bad_node(self, node: ast.expr, why: str) -> ConfigError:
        return self._bad(self._position(node), why)

    def _bad(self, position: int, why: str) -> ConfigError:
        return ConfigError(f"{located(self.text, position)}: {why}; {ALLOWED}")


def located(text: str, position: int) -> str:
    """Show a rule and where in it something is."""
    rest = text[position : position + 20]
    at = f"at character {position + 1}, `{rest}`" if rest else "at its end"
    return f"rule `{text[:200]}`, {at}"


def _negated(function: Function) -> Function:
    return lambda rows: pc.invert(function(rows))


def _flag_of(node: ast.expr) -> bool | None:
    """Return the value of `true` and `false`, however written."""
    if isinstance(node, ast.Constant) and isinstance(node.value, bool):
        return node.value
    return _FLAGS.get(node.id) if isinstance(node, ast.Name) else None


def _text_of(node: ast.expr) -> str | None:
    """Return a text that is written out."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    return None


def _among(values: pa.Array, known: pa.Array) -> pa.BooleanArray:
    """Tell which values are in a list; a missing one stays missing."""
    if pa.types.is_floating(values.type):
        values, known = pc.add(values, 0.0), pc.add(known, 0.0)  # -0.0 is 0.0, not so to pyarrow
    return pc.if_else(pc.is_valid(values), pc.is_in(values, known), None)


def _finite(values: Any) -> Any:
    """Take what is not finite, such as a division by zero, for missing."""
    return pc.if_else(pc.is_finite(values), values, None)
