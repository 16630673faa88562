"""Rules give what plain Python gives, row by row."""

import ast
from collections.abc import Callable
from typing import Any

import pyarrow as pa
from hypothesis import example, given
from hypothesis import strategies as st

from mtnas.data.sources._tabular.expression import Expression
from mtnas.runtime.errors import ConfigError

Row = dict[str, Any]
Meaning = tuple[str, Callable[[Row], Any]]  # a text, and what it means for one row

NAMES = ("x", "y z", "is")
NUMBERS = st.integers(-5, 5).map(float) | st.sampled_from([0.5, -2.25, 1e6])
TEXTS = st.text("ab\"'`\\ é", max_size=4)
COLUMN = st.sampled_from(NAMES)
COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}
CALCULATE: dict[str, Callable[[float, float], float | None]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b if b else None,
}


def over(function: Callable[..., Any], *parts: Callable[[Row], Any]) -> Callable[[Row], Any]:
    """Apply a function to the values of a row, unless one is missing."""

    def apply(row: Row) -> Any:
        values = [part(row) for part in parts]
        return None if None in values else function(*values)

    return apply


def both(a: Any, b: Any) -> Any:
    """Three-valued `and`."""
    return False if a is False or b is False else None if a is None or b is None else True


def one(a: Any, b: Any) -> Any:
    """Three-valued `or`."""
    return True if a is True or b is True else None if a is None or b is None else False


@st.composite
def numbers(draw: st.DrawFn, depth: int = 2) -> Meaning:
    """Draw a number: written out, a column, or calculated."""
    kind = draw(st.sampled_from(["constant", "column", "calculated"][: 3 if depth else 2]))
    if kind == "constant":
        value = draw(NUMBERS)
        return repr(value), lambda row: value
    if kind == "column":
        name = draw(COLUMN)
        return f"`{name}`", lambda row: row[name]
    sign = draw(st.sampled_from(sorted(CALCULATE)))
    (left, a), (right, b) = draw(numbers(depth - 1)), draw(numbers(depth - 1))
    return f"({left} {sign} {right})", over(CALCULATE[sign], a, b)


@st.composite
def comparisons(draw: st.DrawFn) -> Meaning:
    """Draw what compares numbers, looks in a list, or asks whether a value is missing."""
    name = draw(COLUMN)
    match draw(st.sampled_from(["compare", "chain", "in", "missing"])):
        case "missing":
            negated = draw(st.booleans())
            text = f"`{name}` is {'not ' * negated}missing"
            return text, lambda row: (row[name] is None) is not negated
        case "in":
            listed, negated = draw(st.lists(NUMBERS, min_size=1, max_size=3)), draw(st.booleans())
            value, a = draw(numbers())
            text = f"{value} {'not ' * negated}in {listed}"
            return text, over(lambda v: (v in listed) is not negated, a)
        case "chain":
            (p, a), (q, b), (r, c) = draw(numbers()), draw(numbers()), draw(numbers())
            first, second = draw(st.sampled_from(["< <=", "> >", "<= <"])).split()
            x, y = over(COMPARE[first], a, b), over(COMPARE[second], b, c)
            return f"{p} {first} {q} {second} {r}", lambda row: both(x(row), y(row))
    sign = draw(st.sampled_from(sorted(COMPARE)))
    (left, a), (right, b) = draw(numbers()), draw(numbers())
    return f"{left} {sign} {right}", over(COMPARE[sign], a, b)


@st.composite
def conditions(draw: st.DrawFn, depth: int = 2) -> Meaning:
    """Draw comparisons joined by and, or, not."""
    kind = draw(st.sampled_from(["one", "not", "and", "or"])) if depth else "one"
    if kind == "one":
        return draw(comparisons())
    left, a = draw(conditions(depth - 1))
    if kind == "not":
        return f"not ({left})", over(lambda v: not v, a)
    right, b = draw(conditions(depth - 1))
    join = both if kind == "and" else one
    return f"({left}) {kind} ({right})", lambda row: join(a(row), b(row))


ROWS = st.lists(
    st.fixed_dictionaries({name: st.none() | NUMBERS for name in NAMES}), min_size=1, max_size=6
)


def columns_of(rows: list[Row], as_text: bool) -> dict[str, pa.Array]:
    kind = pa.string() if as_text else pa.float64()
    return {
        name: pa.array(
            [r[name] if not as_text or r[name] is None else repr(r[name]) for r in rows], kind
        )
        for name in NAMES
    }


def test_minus_zero_is_zero():
    found, _ = Expression.parse("0 * x in [0]")({"x": pa.array([-1.0, None])})
    assert found.to_pylist() == [True, None]


@given(conditions(), ROWS, st.booleans())
def test_rules_mean_what_they_mean_in_python(
    condition: Meaning, rows: list[Row], as_text: bool
) -> None:
    text, meaning = condition
    if "`" not in text:
        text = f"({text}) and (x == x or x is missing)"  # true; a rule names a column
    found, _ = Expression.parse(text)(columns_of(rows, as_text))
    assert found.to_pylist() == [meaning(row) for row in rows], text


@given(TEXTS, st.lists(st.none() | TEXTS, min_size=1))
@example("a`b", ["a`b"])
def test_texts_are_compared_as_they_are(text: str, values: list[str | None]) -> None:
    columns = {"x": pa.array(values, pa.string())}
    for rule, meaning in (
        (f"x == {text!r}", lambda v: v == text),
        (f"x not in [{text!r}]", lambda v: v != text),
        (f"{text!r} in x", lambda v: text in v),
    ):
        found, _ = Expression.parse(rule)(columns)
        assert found.to_pylist() == [None if v is None else meaning(v) for v in values], rule


@given(st.text(max_size=40) | st.text("x1 ()[].,'`\"=<>!&|+-*/notadri\n", max_size=40))
def test_any_text_is_a_rule_or_refused(text: str) -> None:
    try:
        rule = Expression.parse(text)
    except ConfigError:
        return
    rows, _ = rule({name: pa.array(["1", None]) for name in rule.columns})
    assert len(rows) == 2
    allowed = ast.BoolOp | ast.Compare | ast.UnaryOp | ast.Name  # what a condition can be
    if "`" not in text:
        assert isinstance(ast.parse(rule.text, mode="eval").body, allowed)
