"""Files opened as one table of the engine, with the columns that are needed, in file order.

Text stays text (a JSON scalar as well), lists are lists of texts, Parquet keeps its types. Blanks
around a text do not count; what means missing is NULL.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote

from mtnas.data.engine import delimited, jsonl, parquet
from mtnas.data.engine.cleaning import clean
from mtnas.data.engine.connection import Engine, EngineError, literal, name
from mtnas.data.engine.plain import one_line
from mtnas.data.engine.reading import AS_WRITTEN, BLANKS, FILE_COLUMN, Reading
from mtnas.data.engine.source import SMALL, Losses, Source
from mtnas.data.engine.unite import alike
from mtnas.runtime.errors import DataError, unknown
from mtnas.runtime.files import short_names

_HIVE_NULL = "__HIVE_DEFAULT_PARTITION__"


@dataclass
class Table:
    """A view of the engine; `types` are those of its columns, as DuckDB writes them.

    `dropped` counts the lines that could not be read, by file and reason; `warnings` are sentences;
    `blanks` may stand around texts that are not cleaned yet.
    """

    view: str
    blanks: str = BLANKS
    types: dict[str, str] = field(default_factory=dict)
    rows: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    warnings: list[str] = field(default_factory=list)


def open_table(
    engine: Engine,
    files: Sequence[Path],
    reading: Reading,
    needed: Sequence[str],
    users: Mapping[str, tuple[str, str]] | None = None,
    taken: Sequence[str] = (),
    written: Sequence[str] = (),
    tolerant: bool = False,
    later: Collection[str] = (),
) -> Table:
    """Check the files to their end and open them as one table with the needed columns.

    The column `@file` is always there: the file's name, with its folders where that is not enough.
    A folder named `key=value` gives the column `key`. A column that only some files have is NULL in
    the others. `users` say, for messages, what needs a column, and what to do if there is none;
    those of joined tables get the names that are `taken`. Columns of `written` are also there as
    their file has them, named after `AS_WRITTEN`. `tolerant`: one sound row is enough. Texts of
    `later` keep blanks and what means missing: `cleaning.encoded` takes them away.

    Raises:
        DataError: a file is not what `reading` says, most of its rows are broken, no file has a
            column that is needed, or one has a column whose name is taken.
    """
    wanted = [
        one_line(column) for column in dict.fromkeys([*needed, *written]) if column != FILE_COLUMN
    ]
    table = Table(engine.new_name("table"))
    labels = dict(zip(files, short_names(files), strict=True))
    sources = list(_sources(engine, labels, reading, [*wanted, *taken], table, tolerant))
    if not sources:
        raise DataError(f"{files[0]}: no line of text; is the file complete?")
    _check_found(sources, wanted, users or {})
    _check_taken(sources, taken)
    parts = [_select(source, wanted, written, labels[source.file]) for source in sources]
    try:
        table.types = _unite(engine, sources, parts, reading, table, later)
    except EngineError as error:
        raise DataError(f"{files[0]}: the files do not make one table: {error}") from None
    return table


def _unite(
    engine: Engine,
    sources: Sequence[Source],
    parts: list[str],
    reading: Reading,
    table: Table,
    later: Collection[str],
) -> dict[str, str]:
    """Make the view of all parts, each of one source, without blanks; return its types.

    Few lines of JSON are kept, so that they are read once.
    """
    raw = name(f"{table.view} raw")
    parts = alike(engine, sources, parts) if reading.format in ("jsonl", "parquet") else parts
    engine.fetch(f"CREATE VIEW {raw} AS {' UNION ALL BY NAME '.join(parts)}")
    types = engine.types(f"SELECT * FROM {raw}")
    is_small = sum(source.file.stat().st_size for source in sources) <= SMALL
    kept = "TABLE" if is_small and reading.format == "jsonl" else "VIEW"
    table.blanks = max((source.blanks for source in sources), key=len)
    cleaned = clean(raw, types, reading, table.blanks, later)
    engine.fetch(f"CREATE {kept} {name(table.view)} AS SELECT * FROM {cleaned}")
    return engine.types(f"SELECT * FROM {name(table.view)}")


def _sources(
    engine: Engine,
    labels: dict[Path, str],
    reading: Reading,
    wanted: Sequence[str],
    table: Table,
    tolerant: bool,
) -> Iterator[Source]:
    """Open one file after the other; say which are empty, and count what is broken."""
    for file, label in labels.items():
        losses = Losses(file, label, tolerant)
        if reading.format == "parquet":
            source: Source | None = parquet.open_file(engine, file, wanted)
        elif reading.format == "jsonl":
            source = jsonl.open_file(engine, file, reading, wanted, losses)
        else:
            source = delimited.open_file(engine, file, reading, wanted, losses)
        table.dropped.update(losses.counts)
        if source is None:
            table.warnings.append(f"{label}: the file is empty and was left out")
            continue
        table.rows += source.rows
        yield source


def _check_found(
    sources: Sequence[Source], wanted: Sequence[str], users: Mapping[str, tuple[str, str]]
) -> None:
    """Refuse columns that no file has, all at once, and one that a file has twice."""
    known = {column for source in sources for column in source.columns}
    known |= {column for source in sources for column in _hive(source.file)} | {FILE_COLUMN}
    first = sources[0]
    lost = [column for column in wanted if column not in known]
    if lost:
        said = []
        for column in lost:
            who, remedy = users.get(column, ("", ""))
            said.append(f"{who}{unknown('column', column, known - {''})}{remedy}")
        first.fail(f"{'; '.join(said)}{first.hint}")
    folded = {column.casefold(): column for column in wanted}
    for column in wanted:
        if folded[column.casefold()] != column:
            first.fail(
                f"columns {column!r} and {folded[column.casefold()]!r} differ in capital letters "
                "only, which SQL does not tell apart; rename one"
            )
    for source in sources:
        folders = _hive(source.file)
        for column in wanted:
            if source.columns.get(column) == "":
                source.fail(
                    f"several columns have the name {column!r}; rename them, also those in other "
                    "capital letters"
                )
            if column in source.columns and column in folders:
                source.fail(
                    f"the file and the name of its folder both have a column {column!r}; rename one"
                )


def _check_taken(sources: Sequence[Source], taken: Sequence[str]) -> None:
    """Refuse a column that has the name of a column of a joined table."""
    folded = {column.casefold(): column for column in taken}
    for source in sources:
        for column in [*source.columns, *_hive(source.file)]:
            if column.casefold() in folded:
                key, _, rest = folded[column.casefold()].partition(".")
                source.fail(
                    f"its column {column!r} has the name of column {rest!r} of the joined table "
                    f"{key!r}; give that another name in `joins`"
                )


def _select(source: Source, wanted: Sequence[str], written: Sequence[str], label: str) -> str:
    folders = {key: literal(value.strip(BLANKS)) for key, value in _hive(source.file).items()}
    columns = {**folders, **source.columns}
    chosen = [f"{columns[c]} AS {name(c)}" for c in wanted if c in columns]
    columns[FILE_COLUMN] = literal(label.strip(BLANKS))
    chosen.append(f"{columns[FILE_COLUMN]} AS {name(FILE_COLUMN)}")
    chosen += [f"{columns[c]} AS {name(AS_WRITTEN + c)}" for c in written if c in columns]
    return f"SELECT {', '.join(chosen)} FROM {source.relation}"


def _hive(file: Path) -> dict[str, str]:
    """Return the columns that the names of the folders give: `year=2020/part.csv`."""
    pairs = [part.partition("=") for part in file.parts[:-1]]
    return {
        unquote(key): unquote(value)
        for key, sign, value in pairs
        if key and sign and value != _HIVE_NULL
    }
