"""One SQL expression as a tree: what it may hold, and which columns and texts it names."""

import json
import re
from dataclasses import dataclass
from functools import cache
from itertools import accumulate
from typing import Any

from mtnas.data.engine.functions import known_functions
from mtnas.runtime.errors import ConfigError
from mtnas.runtime.files import Json

Node = Json  # DuckDB tells its trees as JSON
LONGEST = 5_000  # characters
DEEPEST = 500  # brackets in one another: a parser takes gigabytes for thousands that do not close
TOO_DEEP = "too many operations are nested in one another; write it shorter"
_BEFORE = "SELECT (\n"
_QUOTED = re.compile(r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|`[^`]*`""")
_CLASSES = (
    *("COLUMN_REF", "CONSTANT", "COMPARISON", "CONJUNCTION", "OPERATOR", "FUNCTION", "BETWEEN"),
    *("CASE", "CAST", "LAMBDA", "TYPE", "COLLATE"),
)
_REFUSED = {
    "SUBQUERY": "a query inside an expression is not allowed",
    "WINDOW": "a window function looks at other rows, test rows among them; it is not allowed",
    "STAR": "`*` is no single value; name one column",
    "PARAMETER": "`?` and `$1` stand for nothing here; write the value",
    "POSITIONAL_REFERENCE": "`#1` is no column; write its name",
}
_ADVICE = (
    (r"\bis\s+missing\b", "write `IS NULL`"),
    (r"\bis\s+not\s+missing\b", "write `IS NOT NULL`"),
    (r"&&|&", "write `AND`"),
    (r"\|\||\|", "write `OR`"),
    (r"!(?!=)", "write `NOT`"),
)
_JOINING = {"&": "AND", "&&": "AND", "|": "OR"}
_REPLACING = ("replace", "regexp_replace")
_MOST_GROWTH = 1_000  # that nested replacements may make of one character


@dataclass(frozen=True)
class Expression:
    """A checked expression: its text, the columns that it names and the texts it compares with."""

    text: str
    columns: tuple[str, ...]
    compared: tuple[str, ...]
    statement: str  # the tree of `SELECT (text)`, as JSON

    @property
    def is_column(self) -> bool:
        """Whether it is nothing but the name of a column."""
        return bool(self.tree()[1]["class"] == "COLUMN_REF")

    def tree(self) -> tuple[Node, Node]:
        """Return a statement, and the node in it that is the expression; both may be changed."""
        whole = json.loads(self.statement)
        return whole, whole["statements"][0]["node"]["select_list"][0]

    def remedy(self, column: str) -> str:
        """Say what to write if a column that it names is meant as a text."""
        if f'"{column}"' not in self.text:
            return ""
        return f"; in SQL double quotes name a column, a text stands in single ones: '{column}'"


def column(name: str) -> Expression:
    """Return the expression that is one column, whatever its name holds."""
    return parse('"' + name.replace('"', '""') + '"')


@cache
def parse(text: str) -> Expression:
    """Check that a text is one SQL expression over the columns of one row.

    Raises:
        ConfigError: it is something else, or holds what looks at other rows, changes from run to
            run or reaches beyond the table; it says what to write instead.
    """
    text = " ".join(text.split("\n")).strip()
    _check_text(text)
    found = _Checker(text)
    try:
        statement = _serialized(text)
        found.statement(json.loads(statement))
    except RecursionError:
        raise ConfigError(f"`{text}`: {TOO_DEEP}") from None
    if not found.columns:
        raise ConfigError(f"`{text}`: names no column")
    return Expression(text, tuple(found.columns), tuple(found.compared), statement)


def _check_text(text: str) -> None:
    bare = _QUOTED.sub("''", text)
    if not text:
        raise ConfigError("an expression is empty; write such as `rating >= 4`")
    if len(text) > LONGEST:
        raise ConfigError(
            f"an expression has {len(text)} characters, {LONGEST} at most; put a long list in a "
            "file and join it (`joins`)"
        )
    if any("\ud800" <= sign <= "\udfff" for sign in text):  # in JSON of an export, not in YAML
        raise ConfigError(
            "an expression holds half a sign (\\ud800 to \\udfff); write the sign itself"
        )
    for sign, what in ((";", "several statements"), ("--", "a comment"), ("/*", "a comment")):
        if sign in bare:
            raise ConfigError(f"`{text}`: {what} (`{sign}`) is not allowed; write one expression")
    if "\0" in text:
        raise ConfigError("an expression holds a NUL character; remove it")
    if _depth(bare) > DEEPEST:
        raise ConfigError(f"`{text}`: {TOO_DEEP}")


def _depth(bare: str) -> int:
    """Return how many brackets are open at once, at most."""
    steps = ((sign in "([{") - (sign in ")]}") for sign in bare)
    return max(accumulate(steps), default=0)


def _serialized(text: str) -> str:
    """Return the tree of a text as JSON; `ConfigError` says what is meant by other languages."""
    statement = (
        _parser()
        .execute("SELECT json_serialize_sql(?::VARCHAR)", [f"{_BEFORE}{text}\n)"])
        .fetchone()[0]
    )
    tree = json.loads(statement)
    if not tree["error"]:
        return str(statement)
    said = str(tree["error_message"]).splitlines()[0]
    if "Chained" in said:
        raise ConfigError(
            f"`{text}`: comparisons cannot be chained; write such as `1 < x AND x <= 3`"
            + (", and `OR` for `||`" if "||" in text else "")
        )
    bare = _QUOTED.sub("''", text)
    hints = [advice for sign, advice in _ADVICE if re.search(sign, bare, re.I)]
    place = ""
    if (position := str(tree.get("position", ""))).isdigit():
        start = int(position) - len(_BEFORE)
        rest = text.encode()[max(start, 0) :].decode("utf-8", "ignore")
        place = f" at character {max(start, 0) + 1}, `{rest[:30]}`" if rest else " at its end"
    hints = hints or ["a name that is a word of SQL goes in double quotes, a text in single ones"]
    more = "; ".join(["", *hints])
    raise ConfigError(f"`{text}`: not SQL{place} ({said}){more}")


@cache
def _parser() -> Any:
    import duckdb  # late: it takes a while, and most studies need none

    return duckdb.connect(config={"threads": 1})


class _Checker:
    """Goes through a tree once; `columns` and `compared` are in the order of the text."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.columns: dict[str, None] = {}
        self.compared: dict[str, None] = {}

    def statement(self, tree: Node) -> None:
        """Check that a statement selects one expression and nothing more."""
        if len(tree["statements"]) != 1:
            self._fail("several statements are not allowed; write one expression")
        node = tree["statements"][0]["node"]
        rest = (node.get("where_clause"), node.get("having"), node.get("qualify"))
        plain = (
            node["type"] == "SELECT_NODE"
            and node["from_table"]["type"] == "EMPTY"
            and not any(rest)
            and not node["modifiers"]
            and not node["cte_map"]["map"]
            and not node["group_expressions"]
            and len(node["select_list"]) == 1
        )
        if not plain:
            self._fail("a whole query is not allowed; write one expression over the columns")
        self.node(node["select_list"][0], frozenset())

    def node(self, node: Node, bound: frozenset[str], growth: int = 1) -> None:
        """Check a node and what is below; `bound` are the variables of lambdas around it.

        `growth` is how much longer the replacements around it may make a text.
        """
        kind = node["class"]
        if kind in _REFUSED:
            self._fail(_REFUSED[kind])
        if kind not in _CLASSES:
            self._fail(f"{kind.lower()} is not allowed in an expression")
        if kind == "COLUMN_REF":
            if node["column_names"][0] not in bound:
                self.columns.setdefault(column_of(node))
            return
        if kind == "FUNCTION":
            self._check_function(node)
            growth *= _growth(node)
            if growth > _MOST_GROWTH:
                self._fail("replacements of replacements can make values without end; use fewer")
        if kind == "COMPARISON" or node["type"] == "COMPARE_IN":
            sides = children(node)
            if any(side["class"] == "COLUMN_REF" for side in sides):
                self.compared.update(
                    (text, None) for side in sides if (text := text_of(side)) is not None
                )
        if kind == "LAMBDA":
            bound = bound | {column_of(name) for name in _variables(node["lhs"])}
            self.node(node["expr"], bound, growth)
            return
        for child in children(node):
            self.node(child, bound, growth)

    def _check_function(self, node: Node) -> None:
        name = node["function_name"].lower()
        if node.get("filter") or node.get("distinct") or node["order_bys"]["orders"]:
            self._fail(f"{name}(...) with FILTER, DISTINCT or ORDER BY is not allowed")
        if name in _JOINING:
            self._fail(f"`{name}` joins no conditions; write `{_JOINING[name]}`")
        if name == "row":
            self._fail("several values are not allowed; write one expression")
        functions = known_functions()
        if why := functions.refusal(name, len(node["arguments"])):
            self._fail(why)

    def _fail(self, why: str) -> None:
        raise ConfigError(f"`{self.text}`: {why}")


def children(node: Node) -> list[Node]:
    """Return the nodes right below one, in their order."""
    match node["class"]:
        case "COMPARISON":
            return [node["left"], node["right"]]
        case "BETWEEN":
            return [node["input"], node["lower"], node["upper"]]
        case "FUNCTION":
            return [argument["expression"] for argument in node["arguments"]]
        case "CASE":
            pairs = [(check["when_expr"], check["then_expr"]) for check in node["case_checks"]]
            return [*(part for pair in pairs for part in pair), node["else_expr"]]
        case "CAST" | "COLLATE":
            return [node["child"]]
        case "CONJUNCTION" | "OPERATOR":
            return list(node["children"])
    return []


def branches(node: Node) -> list[Node]:
    """Return what a CASE may give."""
    return [*(check["then_expr"] for check in node["case_checks"]), node["else_expr"]]


def _growth(node: Node) -> int:
    """Return by how much a function may make a text longer, if it is one that replaces."""
    if node["function_name"].lower() not in _REPLACING or len(node["arguments"]) < 3:
        return 1
    put_in = text_of(node["arguments"][2]["expression"])
    return _MOST_GROWTH if put_in is None else max(1, len(put_in))


def column_of(node: Node) -> str:
    """Return the name that a reference writes; `a.b` is a key b of a, or of a joined table a."""
    return ".".join(node["column_names"])


def text_of(node: Node) -> str | None:
    """Return the text that a node is, if it is one."""
    is_text = node["class"] == "CONSTANT" and node["literal"]["kind"] == "STRING"
    return str(node["literal"]["text"]) if is_text else None


def _variables(node: Node) -> list[Node]:
    return [node] if node["class"] == "COLUMN_REF" else children(node)
