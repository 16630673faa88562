"""The functions of the engine: which may be used, what they take and what they give."""

from collections import defaultdict
from dataclasses import dataclass
from functools import cache

from mtnas.runtime.errors import unknown

_MACROS = ("list_", "array_")
_MORE_MACROS = {"split_part", "if", "nullif", "ifnull", "days_in_month", "date_add", "fdiv"}
_UNSTABLE = {"age": 1}  # with so many arguments it counts from today
_HIDDEN = ("__internal", "icu_", "collate_", "pg_", "json_serialize", "json_deserialize")
_REFUSED = {"invoke", "query", "write_log", "stats", "hash", "vector_type", "create_sort_key"}
# They make values of any length out of nothing, and cannot be interrupted while they do.
_ENDLESS = {
    *("range", "generate_series", "repeat", "lpad", "rpad", "list_resize", "array_resize", "bar"),
    *("factorial", "!__postfix", "printf", "format", "list_reduce", "array_reduce", "reduce"),
}
_NUMBERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "DECIMAL", "FLOAT", "DOUBLE")
ARITHMETIC = ("+", "-", "*", "/", "//", "%", "**", "^")
_TIMES = ("DATE", "TIMESTAMP", "TIME")


@dataclass(frozen=True)
class Functions:
    """The functions that are known, by name; an overload is its parameter types and result."""

    stable: dict[str, list[tuple[tuple[str, ...], str]]]
    over_rows: frozenset[str]
    others: frozenset[str]

    def refusal(self, name: str, arguments: int) -> str | None:
        """Say why a function may not be used; None: it may."""
        if name in self.stable and _UNSTABLE.get(name) != arguments:
            return None
        if name in self.over_rows:
            return f"{name}() looks at all rows, test rows among them; it is not allowed"
        if name in _ENDLESS:
            return f"{name}() can make values without end; it is not allowed"
        if name in self.others or name in self.stable:
            return f"{name}() changes from run to run or reaches beyond the table; not allowed"
        if name == "!":
            return "`!` is no word of SQL; write `NOT`"
        near = unknown("function", name, [n for n in self.stable if n.isidentifier()])
        return near.partition("; allowed")[0]

    def wanted(self, name: str, index: int, arguments: int) -> str | None:
        """Say how an argument must be read where texts do not do: as `number` or as `time`."""
        if name in ARITHMETIC:
            return "number"
        taken = {
            kind_of(types[index])
            for types, _ in self.stable.get(name, ())
            if len(types) == arguments
        }
        if not taken or taken & {"text", "any"}:
            return None
        return next((kind for kind in ("number", "time") if kind in taken), None)

    def result(self, name: str) -> str:
        """Return the kind of what a function gives, `any` if that depends."""
        kinds = {kind_of(result) for _, result in self.stable.get(name, ())}
        return kinds.pop() if len(kinds) == 1 else "any"


def kind_of(sql_type: str) -> str:
    """Return the kind of a type as DuckDB writes it: text, number, bool, time, interval,
    list or any.
    """
    if sql_type.endswith("]") or sql_type == "LIST":
        return "list"
    if sql_type.startswith("VARCHAR"):
        return "text"
    if sql_type == "BOOLEAN":
        return "bool"
    if sql_type != "INTERVAL" and sql_type.removeprefix("U").startswith(_NUMBERS):
        return "number"
    if sql_type.startswith(_TIMES):
        return "time"
    return "interval" if sql_type == "INTERVAL" else "any"


@cache
def known_functions() -> Functions:
    """Ask the engine, once."""
    import duckdb

    with duckdb.connect(config={"threads": 1}) as connection:
        rows = connection.execute(
            "SELECT lower(function_name), function_type, parameter_types, return_type, stability "
            "FROM duckdb_functions()"
        ).fetchall()
    stable = defaultdict(list)
    others, over_rows = set(), set()
    for name, kind, types, result, stability in rows:
        if kind in ("aggregate", "window"):
            over_rows.add(name)
        macro = kind == "macro" and (name.startswith(_MACROS) or name in _MORE_MACROS)
        hidden = name.startswith(_HIDDEN) or name in _REFUSED | _ENDLESS
        if macro or (kind == "scalar" and stability == "CONSISTENT" and not hidden):
            stable[name].append(
                (tuple(map(str, types or ())) if not macro else (), result or "ANY")
            )
        else:
            others.add(name)
    return Functions(dict(stable), frozenset(over_rows - set(stable)), frozenset(others))
