"""Delimited text (CSV and its relatives), one file at a time."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from mtnas.data.engine.connection import Engine, EngineError, literal, name
from mtnas.data.engine.plain import STAND_IN, PlainFile, plain
from mtnas.data.engine.quotes import looks_like_rows, opens
from mtnas.data.engine.reading import BLANKS, Reading
from mtnas.data.engine.source import SMALL, Losses, Source
from mtnas.data.engine.text import TextFile
from mtnas.runtime.errors import DataError

MOST_LINES = 1000  # of one value
LONGEST_VALUE = 1 << 24  # bytes of one line
_BUFFER = 1 << 25
_NO_TEXT = "\x02"  # stands for a missing value nowhere: that is decided later
_DELIMITERS = {",": '","', ";": '";"', "\t": '"\\t"', "|": '"|"', "::": '"::"', " ": "whitespace"}
Row = tuple[str, int, str]  # the kind of an error, its line in the file that is read, the text


def open_file(
    engine: Engine, file: Path, reading: Reading, wanted: Sequence[str], losses: Losses
) -> Source | None:
    """Check a file to its end and count its rows; None: it holds no text.

    Raises:
        DataError: it is not what `reading` says, a quote is never closed, most rows are broken.
    """
    found = plain(file, reading, engine.folder / engine.new_name("copy"))
    if found is None:
        return None
    width = len(found.columns)
    path = engine.path(found.path)
    times = Counter(found.columns)
    columns = {c: f"c{i}" for i, c in enumerate(found.columns) if times[c] == 1}
    columns |= {c: "" for c in times if times[c] > 1}  # refused where one is needed
    chosen = dict.fromkeys(filter(None, map(columns.get, wanted)))
    relation, rows, broken = _count(engine, found, path, reading, [*chosen])
    _take(broken, width, found, reading, losses)
    hint = _delimiter_hint("".join(found.columns), found, reading) if width == 1 else ""
    if found.columns[0].startswith("sep="):
        hint = "; the first line is a note of a spreadsheet program: give `skip: 1`"
    named = "first line" if reading.header else "key `columns`"
    other = _delimiter_hint(losses.example, found, reading) or hint
    losses.check(
        rows,
        f"do not have the {width} columns that the {named} names",
        f"check delimiter, quote and header{other}",
    )
    of_several_lines = found.has_quotes and rows + len(broken) != found.lines
    if of_several_lines:
        _check_values(engine, found, path, reading)
    return Source(file, relation, columns, rows, hint, BLANKS if of_several_lines else found.blanks)


def text_relation(
    path: str, width: int, skip: int, signs: Mapping[str, str | None], options: Mapping[str, str]
) -> str:
    """Return the SQL of a text table whose columns are c0, c1, ...; nothing is guessed.

    `path` is SQL, too.
    """
    columns = ", ".join(f"'c{i}': 'VARCHAR'" for i in range(width))
    fixed = {
        "auto_detect": "false",
        "header": "false",
        "columns": f"{{{columns}}}",
        "skip": str(skip),
        "nullstr": literal(_NO_TEXT),
        "max_line_size": str(LONGEST_VALUE),
        "buffer_size": str(_BUFFER),
        **{key: literal(sign or "") for key, sign in signs.items()},
        **options,
    }
    listed = ", ".join(f"{key} = {value}" for key, value in fixed.items())
    return f"read_csv({path}, {listed})"


def _relation(found: PlainFile, path: str, reading: Reading, options: Mapping[str, str]) -> str:
    quote = reading.quotes if found.delimiter != STAND_IN else None
    signs = {
        "delim": found.delimiter,
        "quote": quote,
        "escape": (reading.escape or quote) if quote else None,
    }
    return text_relation(path, len(found.columns), found.skip, signs, options)


def _sound_rows(found: PlainFile) -> dict[str, str]:
    """Return the options to read what is not broken; several threads would end at a bad quote."""
    return {"ignore_errors": "true", **({"parallel": "false"} if found.has_quotes else {})}


def _count(
    engine: Engine, found: PlainFile, path: str, reading: Reading, columns: Sequence[str]
) -> tuple[str, int, list[Row]]:
    """Return the SQL of the sound rows, their number, and the broken ones.

    Columns of a small file are kept: where there is no quote, a line is a row, and one reading is
    enough.
    """
    table = engine.new_name("rejects").replace("#", "_")
    options = {
        "store_rejects": "true",
        "rejects_limit": "0",
        "rejects_table": literal(table),
        "rejects_scan": literal(f"{table}_scan"),
    }
    relation = _relation(found, path, reading, options)
    chosen = columns or ["c0"]
    try:
        if is_kept := not found.has_quotes and found.characters <= SMALL:
            kept, rows = engine.keep(f"SELECT {', '.join(chosen)} FROM {relation}")
            relation = name(kept)
        else:
            counted = f"count(coalesce({chosen[0]}, ''))"
            ((rows,),) = engine.fetch(f"SELECT {counted} FROM {relation}")
        listed = engine.fetch(
            f"SELECT any_value(error_type::VARCHAR), line, any_value(csv_line) FROM {table} "
            "GROUP BY line, line_byte_position ORDER BY line, line_byte_position"
        )
    except EngineError as error:
        raise DataError(f"{found.source}: cannot be read as {reading.format}: {error}") from None
    engine.fetch(f"DROP TABLE {table}")
    engine.fetch(f"DROP TABLE {table}_scan")
    if not is_kept:
        relation = _relation(found, path, reading, _sound_rows(found))
    elif rows + len(listed) != found.lines and not _has_blank_line(found):
        raise DataError(
            f"{found.source}: of {found.lines} lines {rows + len(listed)} were read; write the "
            "file anew, as Parquet if need be"
        )
    return relation, rows, listed


def _has_blank_line(found: PlainFile) -> bool:
    """Tell whether a line is empty; to look for it costs more than to count the lines."""
    blocks = TextFile(found.path, "utf-8").blocks()
    return any(block.startswith("\n") or "\n\n" in block for block in blocks)


def _take(
    broken: list[Row], width: int, found: PlainFile, reading: Reading, losses: Losses
) -> None:
    """Count broken rows by reason; refuse a quote that swallows the rest of the file."""
    for kind, _, text in broken:
        lines = text.strip("\n").split("\n")
        if not text.strip():
            continue  # blank lines are none
        if len(lines) > 1:
            if "UNQUOTED" in kind and _is_open(lines, reading):
                _never_closed(found, lines)
            losses.add("lines behind a quote that is not closed", text, len(lines))
        elif "UNQUOTED" in kind and not _is_open(lines, reading):
            losses.add("text behind a closing quote", text)
        else:
            losses.add(f"not {width} columns", text)


def _is_open(lines: list[str], reading: Reading) -> bool:
    inside = False
    for line in lines:
        inside = opens(line, inside, reading.quotes or "", reading.delimiter)
    return inside


def _never_closed(found: PlainFile, lines: list[str]) -> None:
    number = line_of(found, lines[0])
    raise DataError(
        f"{found.source}: the quote that opens in line {number} is never closed: {len(lines) - 1} "
        "more lines would be one value; correct that line, or give `quote: null`"
    )


def _opening(found: PlainFile, reading: Reading, text: str) -> int:
    """Return the number of the line in which a quote opens before a text."""
    quote = reading.quotes or ""
    return line_of(found, quote + text.replace(quote, (reading.escape or quote) + quote))


def line_of(found: PlainFile, text: str) -> int:
    """Return the number of the first line that holds a text, in the file as it is read."""
    number = 1
    for block in TextFile(found.path, "utf-8").blocks():
        at = block.find(text)
        if at >= 0:
            return number + block.count("\n", 0, at)
        number += block.count("\n")
    return number


def _check_values(engine: Engine, found: PlainFile, path: str, reading: Reading) -> None:
    """Refuse a value over many lines that a stray quote made of whole rows."""
    names = [f"c{i}" for i in range(len(found.columns))]
    long = " OR ".join(f"contains({c}, chr(10))" for c in names)
    chosen = ", ".join(f"CASE WHEN contains({c}, chr(10)) THEN {c} END AS {name(c)}" for c in names)
    relation = _relation(found, path, reading, _sound_rows(found))
    for batch in engine.batches(f"SELECT {chosen} FROM {relation} WHERE {long}", 1000):
        for index, column in enumerate(batch.columns):
            for value in filter(None, column.to_pylist()):
                lines = value.count("\n")
                rows = looks_like_rows(value, index, len(names), reading.delimiter)
                if rows or lines > MOST_LINES:
                    first = value.partition("\n")[0]
                    what = "look like rows" if rows else f"are more than {MOST_LINES}"
                    raise DataError(
                        f"{found.source}: one value in quotes spans {lines + 1} lines from line "
                        f"{_opening(found, reading, first)} ({first[:40]!r}), and they {what}: "
                        "a quote is stray; correct that line, or give `quote: null`"
                    )


def _delimiter_hint(line: str, found: PlainFile, reading: Reading) -> str:
    """Guess what is above the header, or the delimiter of a line that has none of the expected."""
    is_one = len(found.columns) == 1 and _DELIMITERS.keys().isdisjoint({*found.columns[0]} - {" "})
    if is_one and found.delimiter in line:
        return "; is there a line above the header? give `skip: 1`, or `comment: '#'`"
    counts = {sign: line.count(sign) for sign in _DELIMITERS if sign != reading.delimiter}
    best = max(counts, key=lambda sign: (counts[sign], len(sign)))
    if found.delimiter in line or not counts[best]:
        return ""
    return f"; is the delimiter another one? give such as `delimiter: {_DELIMITERS[best]}`"
