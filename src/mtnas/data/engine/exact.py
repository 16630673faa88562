"""Whole numbers beside floats: the same is the same only where no float rounds a whole number."""

from collections.abc import Iterator, Mapping

from mtnas.data.engine.connection import Engine, name
from mtnas.data.engine.numbers import Numbers
from mtnas.data.engine.reads import MARK
from mtnas.data.engine.syntax import Expression, Node, children, column_of
from mtnas.runtime.errors import DataError

WHOLE = ("BIGINT", "UBIGINT", "HUGEINT", "UHUGEINT")  # that may be beyond what floats hold
_LISTS = ("COMPARE_IN", "COMPARE_NOT_IN")
_EXACT = 2**53  # below which every whole number is a float


def float_as_double(column: str) -> str:
    """Return the SQL of a float of 32 bits as one of 64: 0.1, not 0.10000000149."""
    return f"CAST(CAST({column} AS VARCHAR) AS DOUBLE)"


def is_rounded(engine: Engine, relation: str, column: str) -> bool:
    """Tell whether a column of numbers has one that floats may round."""
    ends = f"min({name(column)}), max({name(column)})"
    ((low, high),) = engine.fetch(f"SELECT {ends} FROM {relation}")
    return low is not None and bool(max(-low, high) >= _EXACT)


def check_exact(
    engine: Engine,
    relation: str,
    types: Mapping[str, str],
    numbers: Mapping[str, Numbers],
    expression: Expression,
    tree: Node,
) -> None:
    """Refuse an expression that compares floats with whole numbers that they would round.

    `types` are those of the columns of a relation, `numbers` what stands in those that are texts;
    `tree` is the resolved expression.
    """
    for sides in _compared(tree):
        of_side = [_type(side, types, numbers) for side in sides]
        if not {"DOUBLE", "FLOAT"} & {*of_side}:
            continue
        for side, kind in zip(sides, of_side, strict=True):
            if kind in WHOLE or kind.startswith("DECIMAL"):
                _check_side(engine, relation, side, expression.text)


def _check_side(engine: Engine, relation: str, side: Node, text: str) -> None:
    if side["class"] == "CONSTANT":
        what = digits = side["literal"]["text"]
        wrong = int(float(digits)) != int(digits)
    else:
        column = column_of(side).partition(MARK)[0]
        what, number = f"column {column!r}", f"TRY_CAST({name(column)} AS DECIMAL(38, 0))"
        relation = f"(SELECT {number} AS {name(column)} FROM {relation})"
        wrong = is_rounded(engine, relation, column)
    if wrong:
        raise DataError(
            f"`{text}`: {what} holds whole numbers above 2^53 and is compared with floats, which "
            "would round them; write both as whole numbers, or `CAST(x AS DOUBLE)` to round them"
        )


def _compared(node: Node) -> Iterator[list[Node]]:
    """Yield the nodes that are compared with each other, anywhere in a tree."""
    below = [node["expr"]] if node["class"] == "LAMBDA" else children(node)
    if node["class"] in ("COMPARISON", "BETWEEN") or node["type"] in _LISTS:
        yield below
    for child in below:
        yield from _compared(child)


def _type(node: Node, types: Mapping[str, str], numbers: Mapping[str, Numbers]) -> str:
    """Return the type of a column or of a number that is written out; of all else nothing."""
    if node["class"] == "CONSTANT":
        digits, kind = str(node["literal"].get("text", "")), node["literal"]["kind"]
        if kind == "NUMERIC":
            return "DOUBLE" if "e" in digits.lower() else ""
        return "HUGEINT" if kind == "INTEGER" else ""
    if node["class"] != "COLUMN_REF":
        return ""
    column, _, what = column_of(node).partition(MARK)
    if what == "number" and types[column] == "VARCHAR":
        return numbers[column].sql_type(column)
    return "DOUBLE" if types.get(column) == "FLOAT" else types.get(column, "")
