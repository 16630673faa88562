"""What the columns of a table could be: fields, tasks, the split; and what will go wrong."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil
from typing import Literal

from mtnas.data.describe.profile import Column, Profile
from mtnas.data.engine.connection import is_keyword

Kind = Literal["category", "id", "number", "count", "time", "numeric", "list", "features"]

_ID = re.compile(
    r"(?i:(^|[_. -])(id|uid|key|uuid|isbn|asin|sku|no|nr|code)$|^(user|item|reader|customer)$)"
    r"|[a-z](Id|ID)$"
)
_LABEL = re.compile(
    r"(?i)^(y|label|target|class|outcome|response)$|click|like|purchase|bought|^buys?$|conver(t|sion)"
    r"|finish|churn|default|is_read|watched|follow"
)
_NUMBERS_ROWS = re.compile(r"(?i)row.?(names?|numbers?|nr|index)|index|unnamed: ?0|column0+")
_GRADE = re.compile(r"(?i)rating|stars?$|score|grade|satisf")
_AFTER = re.compile(r"(?i)return(s|ed)?$|complain|refund|cancel|reject|accept|success|^paid|^won$")
_YES_NO = {"yes", "no", "y", "n", "t", "f", "true", "false", "0", "1"}
_YES = ("1", "yes", "y", "true", "t", "positive", "good")
_FEW = 20  # different values
_ROUND = 0.5  # of whole numbers end as amounts do; by chance it is a fifth
_MOST = 0.95  # of the values are so: the column is so


@dataclass(frozen=True)
class TaskIdea:
    """A task that a column could be; those with the highest `rank` come into the draft."""

    column: str
    kind: Literal["binary", "multiclass", "regression"]
    sql: str
    why: str
    rank: int


def kind_of(column: Column) -> Kind | None:
    """Propose the type of a field; None: it had better be left out (`left_out` says why)."""
    if left_out(column):
        return None
    if column.separator or column.type.endswith("[]") or column.share("bracketed") > _MOST:
        return "list"
    if is_time(column):
        return "time"
    if _ID.search(column.name):
        return "id"
    if not column.is_number or is_binary(column):
        return "category"
    if not _is_whole(column):
        return "numeric"
    if _may_be_id(column):
        return "numeric" if column.share("round") > _ROUND else "id"
    if column.distinct <= _FEW:
        return "number" if column.counts["negative"] else "count"
    return "numeric"


def doubt(column: Column) -> str:
    """Say which of two readings of whole numbers was taken, and why; empty if there is one."""
    kind = kind_of(column)
    if kind not in ("id", "numeric") or _ID.search(column.name) or not _may_be_id(column):
        return ""
    most, other, what = ("few", "numeric", "measure") if kind == "id" else ("most", "id", "name")
    return (
        f"{column.distinct:,} different whole numbers in {column.present:,} rows may be ids, or "
        f"amounts such as cents: taken as {kind}, since {most} end in 0, 5 or 99; if they {what} "
        f"something, give `type: {other}`"
    )


def may_be_outcome(column: Column) -> str:
    """Ask whether a column is known in time, by its name or its two values; else empty."""
    words = {text.lower() for text, _ in column.examples}
    two = is_binary(column) or (column.distinct == 2 and words <= _YES_NO)
    if not two and not any(p.search(column.name) for p in (_LABEL, _GRADE, _AFTER)):
        return ""
    return (
        "Is it known before what is to be predicted? If not, it gives the answer away: leave it "
        "out, or make it a task"
    )


def _is_whole(column: Column) -> bool:
    return column.share("whole") + column.share("whole_as_decimal") > _MOST


def _may_be_id(column: Column) -> bool:
    """Tell whether whole numbers differ so often that they may be ids, or amounts."""
    differ = column.distinct > column.present / 2 > 10
    return _is_whole(column) and differ and not column.counts["negative"]


def left_out(column: Column) -> str:
    """Say why nothing can be learned from a column; empty if something can."""
    if not column.present:
        return "no value at all"
    if column.distinct == 1:
        return "one value only"
    if column.type.startswith(("STRUCT", "MAP")):
        return "an object: name one of its keys"
    is_text = not column.is_number and not is_time(column) and not column.separator
    if is_text and column.share("long") > 0.5:
        return "long texts"
    unique = column.distinct == column.present > 10
    if unique and column.largest is not None and column.smallest is not None:
        numbered = column.largest - column.smallest == column.distinct - 1
        is_text = is_text or (numbered and column.share("number") == 1)
    named = _ID.search(column.name) or _NUMBERS_ROWS.fullmatch(column.name)
    if unique and (is_text or named) and not column.type.endswith("[]"):
        return "another value in every row"
    return ""


def is_time(column: Column) -> bool:
    """Tell whether values are times in a spelling that is known."""
    if column.type.startswith(("TIMESTAMP", "DATE")):
        return True
    unix = column.share("unix_seconds") + column.share("unix_millis")
    called = re.search(r"(?i)time|date|created|updated|_at$|^ts$|when", column.name)
    return (
        column.share("date") + column.share("other_date") > _MOST
        or compact_format(column) is not None
        or bool(called and unix > _MOST)
    )


def compact_format(column: Column) -> str | None:
    """Return the pattern of times that are written as digits only, if most values are such."""
    patterns = {"8": "%Y%m%d", "10": "%Y%m%d%H", "12": "%Y%m%d%H%M", "14": "%Y%m%d%H%M%S"}
    for digits, pattern in patterns.items():
        if column.share(f"compact_{digits}") > _MOST and column.distinct > 1:
            return pattern
    return None


def time_format(column: Column) -> str | None:
    """Return the pattern by which a column of times is to be read; None: none is needed."""
    compact = compact_format(column)
    if compact is not None or column.share("other_date") < 0.5:
        return compact if compact != "%Y%m%d" else None
    day, _, hour = column.examples[0][0].partition(" ")
    sign = "/" if "/" in day else "."
    day_month = ("%m", "%d") if column.counts["month_first"] else ("%d", "%m")
    year = "%Y" if len(day.rpartition(sign)[2]) == 4 else "%y"
    pattern = sign.join([*day_month, year])
    return f"{pattern} {('%H', '%H:%M', '%H:%M:%S')[min(hour.count(':'), 2)]}" if hour else pattern


def is_binary(column: Column) -> bool:
    """Tell whether values are 0 and 1, or true and false."""
    return column.distinct in (2, 3, 4) and (
        column.share("bit") == 1 or column.share("flag") == 1 or column.type == "BOOLEAN"
    )


def task_ideas(table: Profile) -> list[TaskIdea]:
    """Return what could be a task, the likeliest first."""
    ideas = [idea for column in table.columns for idea in _ideas(column)]
    return sorted(ideas, key=lambda idea: -idea.rank)


def _ideas(column: Column) -> Iterator[TaskIdea]:
    name, labelled = sql_name(column.name), bool(_LABEL.search(column.name))
    if column.distinct < 2 or kind_of(column) in (None, "id", "time", "list"):
        return
    graded = bool(_GRADE.search(column.name))
    if is_binary(column):
        rule = name if column.share("bit") < 1 else f"{name} = 1"
        yield TaskIdea(column.name, "binary", rule, "0 and 1", 4 if labelled else 2)
    elif column.is_number and column.distinct <= 11 and graded:
        top = column.largest or 0.0
        least = ceil(top - (top - (column.smallest or 0.0)) / 4)
        rule = f"{name} >= {least:g}"
        yield TaskIdea(column.name, "binary", rule, "a rating", 5)
        yield TaskIdea(column.name, "regression", name, "a rating", 1)
    elif column.is_number and not _ID.search(column.name):
        yield TaskIdea(column.name, "regression", name, "a number", 3 if labelled or graded else 0)
    elif column.distinct == 2 and column.share("long") == 0:
        values = [text for text, _ in column.examples]  # the rarer one last
        one = next((text for text in values if text.lower() in _YES), values[-1])
        rule = f"{name} = '{one.replace(chr(39), chr(39) * 2)}'"
        yield TaskIdea(column.name, "binary", rule, "two values", 4 if labelled else 1)
    elif 2 <= column.distinct <= _FEW and column.share("long") == 0:
        few = f"{column.distinct} values"
        yield TaskIdea(column.name, "multiclass", name, few, 3 if labelled else 0)


def sql_name(column: str) -> str:
    """Write the name of a column as an expression does."""
    is_plain = re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", column) and not is_keyword(column)
    return column if is_plain else '"' + column.replace('"', '""') + '"'


def warnings(table: Profile) -> list[str]:
    """Say what will go wrong with a table, each with its remedy."""
    found = [text for column in table.columns for text in _warnings(column)]
    if table.repeated:
        found.append(
            f"{table.repeated:,} of {table.rows:,} rows are equal to an earlier one: test rows may "
            "have their twin among the training rows; remove them, or split by time"
        )
    return found


def _warnings(column: Column) -> Iterator[str]:
    count, name = column.counts, f"{column.name}: "
    if column.words and count["word"] < column.present:
        listed = ", ".join(column.words[:5])
        yield (
            f"{name}does {listed} mean that a value is missing ({count['word']:,} rows)? Then add "
            "it to `missing`"
        )
    if count["minus_one"] and count["minus_one"] == count["negative"]:
        yield (
            f"{name}the only negative number is -1 ({count['minus_one']:,} rows): if it means that "
            "a value is missing, add it, as it is written, to `missing`"
        )
    yield from (name + text for text in column.codes)
    if said := doubt(column):
        yield name + said
    yield from (name + text for text in _about_times(column))
    yield from (name + text for text in _about_numbers(column))
    yield from (name + text for text in _about_texts(column))
    if 0.5 < column.missing < 1:
        yield f"{name}missing in {column.missing:.0%} of the rows"
    repeated = column.present - column.distinct
    nearly = column.rows > 10 and 0 < repeated < 0.1 * column.present
    if nearly and kind_of(column) in ("id", "category"):
        yield (
            f"{name}nearly a key: {repeated:,} rows have a value that was there before; a join on "
            "it would multiply rows"
        )


def _about_times(column: Column) -> Iterator[str]:
    pattern = compact_format(column)
    if pattern not in (None, "%Y%m%d"):
        yield f"times written as digits only: `time_format: '{pattern}'` reads them"
    if column.share("other_date") > _MOST:
        yield (
            f"days and months can be told from the values alone only sometimes: check "
            f"`time_format: '{time_format(column)}'`"
        )
    if is_time(column) and column.counts["unix_seconds"] and column.counts["unix_millis"]:
        yield (
            f"unix times in seconds ({column.counts['unix_seconds']:,} rows) and in milliseconds "
            f"({column.counts['unix_millis']:,} rows) in one column: write them in one unit"
        )


def _about_numbers(column: Column) -> Iterator[str]:
    count = column.counts
    if count["decimal_comma"] and count["decimal_comma"] + count["number"] > _MOST * column.present:
        yield f"{count['decimal_comma']:,} numbers with a comma: give `decimal: ','` for the file"
    elif 0.5 < column.share("number") < 1:
        values = column.present - count["word"]
        others = values - count["number"]
        shown = ", ".join(column.odd)
        yield (
            f"{others:,} of {values:,} values are no numbers ({shown}), the others are; "
            "where a number is computed from them, they count as missing"
        )
    if count["beyond_exact"]:
        yield (
            f"{count['beyond_exact']:,} whole numbers above 2^53, which other programs round: give "
            "type id or category; never let a program rewrite them as decimals"
        )


def _about_texts(column: Column) -> Iterator[str]:
    count = column.counts
    if column.separator:
        yield f"lists of texts: type list with `separator: '{column.separator}'` reads the members"
    elif column.share("bracketed") > 0.5 and not column.type.endswith("[]"):
        yield (
            "lists written as texts such as ['a', 'b']: save them as JSON lines or Parquet, or "
            "join them by | and give type list"
        )
    if column.share("quoted") > 0.01:
        yield (
            f"{count['quoted']:,} values begin with a quote: if quotes are not part of them, give "
            "`quote`; if they are, `quote: null`"
        )
    if count["lines"]:
        yield f"{count['lines']:,} values hold a line end: is there a stray quote in the file?"
