"""Further tables beside the first: to every row at most one row of each, found by its key."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mtnas.data.engine.cleaning import without_point
from mtnas.data.engine.connection import Engine, name
from mtnas.data.engine.exact import float_as_double
from mtnas.data.engine.functions import kind_of
from mtnas.data.engine.numbers import Numbers, as_number
from mtnas.data.engine.query import PLACE, Origin, View
from mtnas.data.engine.reads import MARK
from mtnas.data.engine.tables import Table
from mtnas.runtime.errors import DataError

_EXACT = {"FLOAT": 2**24, "DOUBLE": 2**53}  # up to which every whole number is one


@dataclass(frozen=True)
class Join:
    """A table and how to find its row: `on` maps columns of the first table to its own."""

    table: Table
    on: Mapping[str, str]
    decimal: str
    file: str  # for messages


def matched_name(join: str) -> str:
    """Return the name of the column that says whether a row found its partner."""
    return f"{join}{MARK}found"


def unlike(view: View, key: str, on: Mapping[str, str]) -> str:
    """Say of a time that it is joined to what is none, or to days, and how to write both.

    `view` has the columns of the joined table `key`. A day is compared with its text: empty then.
    """
    for column, other in on.items():
        if said := _unlike((column, view.types[column]), (other, view.types[f"{key}.{other}"])):
            return said
    return ""


def _unlike(left: tuple[str, str], right: tuple[str, str]) -> str:
    (column, here), (other, there) = left, right
    types, kinds = {here, there}, {kind_of(here), kind_of(there)}
    if "time" not in kinds or len(types) == 1 or types == {"DATE", "VARCHAR"}:
        return ""
    if len(kinds) == 1 and "DATE" not in types:
        return ""
    moment = column if kind_of(here) == "time" else other
    sql = f"CAST({name(column)} AS {'DATE' if 'DATE' in types else 'TIMESTAMP'})"
    if "number" in kinds:  # probably a unix time
        sql = f"CAST(epoch({name(moment)}) AS BIGINT)"
    return (
        f"column {column!r} is {here}, and {other!r} of the joined table is {there}; write both "
        f"as one type in the files, such as `{sql}`"
    )


def joined(engine: Engine, view: View, joins: Mapping[str, Join]) -> View:
    """Return a view that has the columns of joined tables, as `books.title`.

    A row without a partner has NULL in them. Keys are compared as texts, or as numbers where all
    those of both tables are (then 3 is 3.0); rows that texts miss by their spelling: `View.near`.

    Raises:
        DataError: a key is there more than once in a joined table: rows would be multiplied.
    """
    if not joins:
        return view
    base = f"(SELECT *, row_number() OVER () AS {name(PLACE)} FROM {view.relation})"
    chosen, parts = ["base.*"], [f"{base} AS base"]
    types, origins, near = dict(view.types), dict(view.origins), dict[str, str]()
    for key, join in joins.items():
        right, on, near[key] = _right(engine, view, key, join)
        alias = name(f"join {key}")
        columns = [c for c in join.table.types if not c.startswith("@")]
        chosen += [f"{alias}.{name(c)} AS {name(f'{key}.{c}')}" for c in columns]
        chosen.append(f"{alias}.{name(PLACE)} IS NOT NULL AS {name(matched_name(key))}")
        parts.append(f"LEFT JOIN {right} AS {alias} ON {on}")
        types |= {f"{key}.{c}": join.table.types[c] for c in columns}
        types[matched_name(key)] = "BOOLEAN"
        origins |= {f"{key}.{c}": Origin(right, c, join.decimal) for c in columns}
    relation = f"(SELECT {', '.join(chosen)} FROM {' '.join(parts)})"
    return View(relation, types, origins, is_ordered=False, near=near)


def _right(engine: Engine, view: View, key: str, join: Join) -> tuple[str, str, str]:
    """Keep a joined table in memory; return its name, the condition and what `near` says."""
    right = name(engine.new_name(f"joined {key}"))
    engine.fetch(
        f"CREATE TABLE {right} AS SELECT *, row_number() OVER () AS {name(PLACE)} "
        f"FROM {name(join.table.view)}"
    )
    origins = {c: Origin(right, c, join.decimal) for c in join.table.types}
    sides = _Sides(view, View(right, join.table.types, origins), join.on)
    if said := sides.refused():
        raise DataError(f"{join.file}: joins.{key}: {said}")
    if column := sides.rounded(engine):
        raise DataError(
            f"{join.file}: joins.{key}: column {column!r} holds floats so large that several whole "
            "numbers are one: rows would be multiplied; write the keys as whole numbers or texts"
        )
    numeric = sides.are_numbers(engine)
    if numeric and _repeated(engine, right, sides.right("", numeric)):
        numeric = False  # 07 and 7 are two keys
    if found := _repeated(engine, right, sides.right("", numeric)):
        count, example, times = found
        raise DataError(
            f"{join.file}: joins.{key}: {count} keys of {', '.join(map(repr, join.on.values()))} "
            f"occur more than once, such as {example!r} ({times} times): rows would be "
            "multiplied; keep one line per key"
        )
    pairs = zip(
        sides.left("base.", numeric), sides.right(f"{name(f'join {key}')}.", numeric), strict=True
    )
    near = "" if numeric else _near(view.relation, right, sides)
    return right, " AND ".join(f"{a} = {b}" for a, b in pairs), near


class _Sides:
    """The columns of both tables by which a row finds its partner."""

    def __init__(self, left: View, right: View, on: Mapping[str, str]) -> None:
        self._views, self._columns = (left, right), (list(on), list(on.values()))
        self._numbers: tuple[dict[str, Numbers], dict[str, Numbers]] = ({}, {})

    def are_numbers(self, engine: Engine) -> bool:
        """Tell whether all keys of both sides are numbers that are written out."""
        for view, columns, numbers in zip(self._views, self._columns, self._numbers, strict=True):
            numbers |= view.numbers(engine, columns)
        found = [facts for numbers in self._numbers for facts in numbers.values()]
        return all(facts.numbers == facts.values and not facts.exponents for facts in found)

    def refused(self) -> str:
        """Say which columns the engine does not compare; empty if it compares all."""
        for column, other in zip(*self._columns, strict=True):
            here, there = self._views[0].types[column], self._views[1].types[other]
            if "VARCHAR" not in (here, there) and kind_of(here) != kind_of(there):
                return _unlike((column, here), (other, there))
        return ""

    def rounded(self, engine: Engine) -> str | None:
        """Name a column of floats beyond which not every whole number is one."""
        for view, columns in zip(self._views, self._columns, strict=True):
            for column in columns:
                limit = _EXACT.get(view.types[column])
                if limit is not None:
                    found = f"SELECT max(abs({name(column)})) >= {limit} FROM {view.relation}"
                    if engine.fetch(found)[0][0]:
                        return column
        return None

    def left(self, table: str, numeric: bool) -> list[str]:
        """Return the SQL of the keys of the first table."""
        return self._keys(0, table, numeric)

    def right(self, table: str, numeric: bool) -> list[str]:
        """Return the SQL of the keys of the joined table."""
        return self._keys(1, table, numeric)

    def _keys(self, side: int, table: str, numeric: bool) -> list[str]:
        view, found = self._views[side], []
        for column in self._columns[side]:
            sql, is_text = f"{table}{name(column)}", view.types[column] == "VARCHAR"
            if numeric and is_text:
                decimal = view.origins[column].decimal
                sql = as_number(sql, column, decimal, self._numbers[side][column])
            elif numeric and view.types[column] == "FLOAT":
                sql = float_as_double(sql)
            elif not numeric and not is_text:
                sql = without_point(f"CAST({sql} AS VARCHAR)")
            found.append(sql)
        return found


def _near(left: str, right: str, sides: _Sides) -> str:
    """Return the query of rows whose texts lack a partner by their spelling: `View.near`."""
    of_left, of_right = sides.left("", False), sides.right("", False)
    listed = [f"k{number}" for number in range(len(of_left))]
    keys, names = ", ".join(map(_alike, listed)), ", ".join(listed)
    there = " AND ".join(f"{key} IS NOT NULL" for key in listed)

    def different(keys: Sequence[str], relation: str) -> str:
        named = ", ".join(f"{key} AS {own}" for key, own in zip(keys, listed, strict=True))
        return f"(SELECT {names}, count(*) AS n FROM (SELECT {named} FROM {relation}) GROUP BY ALL)"

    alike, shown = f"concat_ws(chr(0), {keys})", f"concat_ws(', ', {names})"
    lost = f"{different(of_left, left)} ANTI JOIN {different(of_right, right)} USING ({names})"
    return (
        f"SELECT sum(n), min(shown), arg_min(other, shown) FROM (SELECT n, {shown} AS shown, "
        f"{alike} AS alike FROM {lost} WHERE {there}) JOIN (SELECT min({shown}) AS other, "
        f"{alike} AS alike FROM {different(of_right, right)} WHERE {there} GROUP BY ALL) "
        "USING (alike)"
    )


def _alike(text: str) -> str:
    """Return the SQL of a text that is the same for `B07` and `b07`, and for 007, 7 and 7.0."""
    folded = f"lower(nfc_normalize({text}))"
    whole = f"CASE WHEN contains({text}, '.') THEN rtrim(rtrim({text}, '0'), '.') ELSE {text} END"
    short = f"regexp_replace(ltrim({whole}, '+'), '^(-?)0+([0-9])', '\\1\\2')"
    is_number = f"regexp_full_match({text}, '[+-]?[0-9]+\\.?[0-9]*')"
    return f"CASE WHEN {is_number} THEN {short} ELSE {folded} END"


def _repeated(engine: Engine, table: str, keys: Sequence[str]) -> tuple[int, str, int] | None:
    """Return how many keys are there more than once, the first of them and how often it is."""
    there = " AND ".join(f"{key} IS NOT NULL" for key in keys)
    shown = " || ', ' || ".join(f"CAST({key} AS VARCHAR)" for key in keys)
    grouped = (
        f"SELECT {shown} AS shown, count(*) AS times FROM {table} WHERE {there} "
        f"GROUP BY {', '.join(keys)} HAVING count(*) > 1"
    )
    ((count, example, times),) = engine.fetch(
        f"SELECT count(*), min(shown), arg_min(times, shown) FROM ({grouped})"
    )
    return (count, example, times) if count else None
