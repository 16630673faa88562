"""From a checked expression to SQL over a table: texts that are computed with are read as numbers.

A text column that is compared or computed with a number is read as an exact number; where a
condition is expected it is a flag of 0/1 or true/false; where a time is expected it is a time. Two
text columns that are compared are numbers if all their values are, texts if none is.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from mtnas.data.engine.functions import ARITHMETIC, kind_of, known_functions
from mtnas.data.engine.numbers import Numbers
from mtnas.data.engine.reads import MARK, Read, What
from mtnas.data.engine.syntax import Expression, Node, branches, children, column_of, text_of
from mtnas.runtime.errors import DataError

_SAME = {"greatest", "least", "if", "ifnull", "nullif"}  # their arguments are of one kind
_CONTAINS = {"contains", "list_contains", "list_has", "array_contains", "array_has"}
_POSITIONS = {"list_position", "list_indexof", "array_position", "array_indexof"}
_TYPES = {"text": "text", "number": "a number", "bool": "true or false", "time": "a time"}


@dataclass
class Resolved:
    """The tree of an expression over a table, and the columns that it reads in another way."""

    statement: Node
    node: Node  # in it, that is the expression
    reads: dict[Read, None] = field(default_factory=dict)


def resolve(
    expression: Expression,
    types: Mapping[str, str],
    numbers: Mapping[str, Numbers],
    root: What | None,
) -> Resolved:
    """Decide how every column of an expression is read.

    Args:
        types: of the columns of the table, as DuckDB writes them.
        numbers: what stands in those that are texts.
        root: as what the whole is wanted; a bare column is then read so.

    Raises:
        DataError: texts and numbers are compared in a way that has two readings, or none.
    """
    return _Resolver(expression, types, numbers).run(root)


class _Resolver:
    def __init__(
        self, expression: Expression, types: Mapping[str, str], numbers: Mapping[str, Numbers]
    ) -> None:
        self._text, self._types, self._numbers = expression.text, types, numbers
        self._found = Resolved(*expression.tree())

    def run(self, root: What | None) -> Resolved:
        node = self._found.node
        self._visit(node, frozenset())
        if root is not None and not self._is_float(node):
            self._want(node, root)
        return self._found

    def _visit(self, node: Node, bound: frozenset[str]) -> None:
        """Resolve what is below a node, then the node."""
        if node["class"] == "LAMBDA":
            node["syntax_type"] = "LAMBDA_KEYWORD"  # the arrow is going out of use
            left = node["lhs"]
            names = [left] if left["class"] == "COLUMN_REF" else children(left)
            self._visit(node["expr"], bound | {column_of(name) for name in names})
            return
        below = children(node)
        for child in below:
            self._visit(child, bound)
        match node["class"]:
            case "COLUMN_REF":
                if node["column_names"][0] not in bound:
                    node["column_names"] = [column_of(node)]
            case "COMPARISON":
                ordered = node["type"].startswith(("COMPARE_LESS", "COMPARE_GREATER"))
                self._unify(below, ordered=ordered)
            case "BETWEEN":
                self._unify(below, ordered=True)
            case "CONJUNCTION":
                self._want_all(below, "flag")
            case "CASE":
                self._want_all([check["when_expr"] for check in node["case_checks"]], "flag")
                self._unify(branches(node))
            case "OPERATOR":
                self._operator(node, below)
            case "FUNCTION":
                self._function(node, below)
            case "CAST":
                self._cast(node)

    def _operator(self, node: Node, below: list[Node]) -> None:
        if node["type"] == "OPERATOR_NOT":
            self._want_all(below, "flag")
        elif node["type"] in ("COMPARE_IN", "COMPARE_NOT_IN", "OPERATOR_COALESCE"):
            self._unify(below)

    def _function(self, node: Node, below: list[Node]) -> None:
        name = node["function_name"].lower()
        if name in _CONTAINS | _POSITIONS and len(below) == 2:
            self._membership(name, below)
        elif name == "list_value":
            self._unify(below)
        elif name == "||" and any(self._kind(child) == "bool" for child in below):
            raise DataError(f"`{self._text}`: `||` joins texts; write `OR` between conditions")
        elif name in _SAME:
            if name == "if":
                self._want(below[0], "flag")
            self._unify(below[1:] if name == "if" else below)
        else:
            self._arguments(name, below)

    def _arguments(self, name: str, below: list[Node]) -> None:
        """Read texts as what a function takes; with a time among them, `-` is of times."""
        functions = known_functions()
        timed = any(self._kind(child) == "time" for child in below)
        for index, child in enumerate(below):
            what = functions.wanted(name, index, len(below))
            if what == "number" and timed and name in "+-":
                continue
            if what == "number":
                self._want(child, "number")
            elif what == "time":
                self._want(child, "time")

    def _membership(self, name: str, below: list[Node]) -> None:
        """Resolve `x IN list`; refuse a text, of which a part would count."""
        group, member = below
        if group["class"] == "FUNCTION" and group["function_name"] == "list_value":
            self._unify([*children(group), member])
            return
        kind = self._kind(group)
        if kind == "text":
            columns = self._columns(group)
            value, column = text_of(member) or "...", columns[0] if columns else "x"
            raise DataError(
                f"`{self._text}`: {column} is a text, not a list, and parts of its words would "
                f"count; write `list_contains(string_split({column}, '|'), '{value}')` with the "
                f"sign between its members, or `{column} LIKE '%{value}%'` for a part of a text"
            )
        constant = member["class"] == "CONSTANT" and member["literal"]["kind"] != "STRING"
        if kind == "list" and constant and member["literal"]["kind"] != "NULL_LITERAL":
            member["literal"]["kind"] = "STRING"  # members are texts

    def _cast(self, node: Node) -> None:
        """Let what cannot be cast be NULL, and be counted where a column is cast."""
        if node["try_cast"]:
            return
        kind = kind_of(str(node["type_expr"].get("type_name", "")).upper())
        if kind == "any" and str(node["type_expr"].get("type_name", "")).upper() == "INT":
            kind = "number"
        if self._kind(node["child"]) == "text" and text_of(node["child"]) is None:
            if kind in ("number", "time"):
                self._want(node["child"], "number" if kind == "number" else "time")
            elif kind == "bool":
                self._want(node["child"], "flag")
        node["try_cast"] = text_of(node["child"]) is None

    def _unify(self, nodes: list[Node], ordered: bool = False) -> None:
        """Read nodes that are compared with each other as one kind."""
        kinds = {self._kind(node) for node in nodes} - {"any"}
        for kind, what in (("number", "number"), ("time", "time"), ("bool", "flag")):
            if kind in kinds:
                self._want_all(nodes, what)  # type: ignore[arg-type]
                self._check_constants(nodes, kind)
                return
        if kinds != {"text"}:
            return
        columns = [column for node in nodes for column in self._columns(node)]
        constants = [text for node in nodes if (text := text_of(node)) is not None]
        if len(set(columns)) > 1 and not constants:
            self._pair(nodes, sorted(set(columns)))
        for text in constants if ordered and columns else ():
            if _is_number(text):
                raise DataError(
                    f"`{self._text}`: texts are ordered letter by letter ('10' is before '9'); "
                    f"write {text} without quotes"
                )

    def _check_constants(self, nodes: list[Node], kind: str) -> None:
        for text in filter(None, map(text_of, nodes)):
            if kind == "bool" or (kind == "number" and not _is_number(text)):
                raise DataError(
                    f"`{self._text}`: '{text}' is a text and is compared with {_TYPES[kind]}; "
                    "texts and numbers do not mix"
                )

    def _pair(self, nodes: list[Node], columns: list[str]) -> None:
        """Compare text columns as numbers if all their values are, as texts if none is."""
        found = [self._numbers[column] for column in columns if self._numbers[column].values]
        if all(facts.numbers == facts.values for facts in found):
            self._want_all(nodes, "number")
        elif any(facts.numbers for facts in found):
            listed = ", ".join(
                f"{n.numbers} of {n.values} in {c!r}"
                for c in columns
                if (n := self._numbers[c]).values
            )
            raise DataError(
                f"`{self._text}`: some values are numbers and some are not ({listed}); write "
                f"`TRY_CAST({columns[0]} AS DOUBLE)` to compare numbers, or `{columns[0]} || ''` "
                "to compare texts"
            )

    def _want_all(self, nodes: list[Node], what: What) -> None:
        for node in nodes:
            self._want(node, what)

    def _want(self, node: Node, what: What) -> None:
        """Read the columns that a node gives as something else."""
        if node["class"] == "COLUMN_REF":
            kind = self._kind(node)
            other = kind == "text" or (kind, what) in {("bool", "number"), ("number", "flag")}
            other |= what == "number" and self._is_float(node)  # 0.1 in 32 bits is no other 0.1
            if other and column_of(node) in self._types:
                read = Read(column_of(node), what)
                self._found.reads[read] = None
                node["column_names"] = [read.name]
        elif node["class"] == "CASE":
            self._want_all(branches(node), what)
        elif node["type"] == "OPERATOR_COALESCE":
            self._want_all(children(node), what)
        elif node["class"] == "FUNCTION" and node["function_name"].lower() in _SAME:
            self._want_all(children(node)[node["function_name"].lower() == "if" :], what)

    def _is_float(self, node: Node) -> bool:
        return node["class"] == "COLUMN_REF" and self._types.get(column_of(node)) == "FLOAT"

    def _kind(self, node: Node) -> str:
        """Return of which kind the value of a node is."""
        match node["class"]:
            case "COLUMN_REF":
                name = column_of(node)
                for what, kind in (("number", "number"), ("flag", "bool"), ("time", "time")):
                    if name.endswith(f"{MARK}{what}") and name not in self._types:
                        return kind
                return kind_of(self._types.get(name, ""))
            case "CONSTANT":
                kinds = {"STRING": "text", "BOOLEAN": "bool", "NULL_LITERAL": "any"}
                return kinds.get(node["literal"]["kind"], "number")
            case "COMPARISON" | "BETWEEN" | "CONJUNCTION":
                return "bool"
            case "CAST":
                kind = str(node["type_expr"].get("type_name", "")).upper()
                return "number" if kind in ("INT", "NUMERIC", "REAL") else kind_of(kind)
            case "CASE":
                return self._common(branches(node))
            case "FUNCTION":
                return self._of_function(node)
            case "OPERATOR" if node["type"] == "OPERATOR_COALESCE":
                return self._common(children(node))
            case "OPERATOR" if node["type"] == "ARRAY_EXTRACT":
                return "text" if self._kind(children(node)[0]) in ("list", "text") else "any"
            case "OPERATOR":
                return "bool"
        return "any"

    def _of_function(self, node: Node) -> str:
        name, below = node["function_name"].lower(), children(node)
        if name in _SAME:
            return self._common(below[name == "if" :])
        if name in _CONTAINS:
            return "bool"
        if name == "list_value" or (name.startswith("list_") and "filter" in name):
            return "list"
        kinds = {self._kind(child) for child in below}
        if name in ("+", "-") and "time" in kinds:
            return "number" if kinds == {"time"} else "time"
        if name in ARITHMETIC:
            return "number"
        wanted = known_functions().wanted(name, 0, len(below))
        result = known_functions().result(name)
        return "number" if result == "any" and wanted == "number" else result

    def _common(self, nodes: list[Node]) -> str:
        kinds = {self._kind(node) for node in nodes} - {"any"}
        return kinds.pop() if len(kinds) == 1 else "any"

    def _columns(self, node: Node) -> list[str]:
        """Return the columns whose values a node gives as they are."""
        if node["class"] == "COLUMN_REF":
            return [column_of(node)]
        if node["class"] == "CASE":
            return [c for branch in branches(node) for c in self._columns(branch)]
        if node["type"] == "OPERATOR_COALESCE":
            return [c for child in children(node) for c in self._columns(child)]
        return []


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
