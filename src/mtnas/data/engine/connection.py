"""A DuckDB database in memory that can read the files it is given and nothing else."""

import os
import tempfile
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import pyarrow as pa

from mtnas.runtime.errors import DataError

if TYPE_CHECKING:
    import duckdb

BATCH_ROWS = 100_000  # of a result that streams
MEMORY = "1GB"  # of the engine; what needs more goes to a temporary folder
THREADS = min(4, os.cpu_count() or 1)
SECONDS = 300.0  # without any answer, until a query is taken for one that never ends


@cache
def _keywords() -> frozenset[str]:
    import duckdb  # late: reading a definition does not need it

    found = duckdb.execute(
        "SELECT keyword_name FROM duckdb_keywords() WHERE keyword_category <> 'unreserved'"
    )
    return frozenset(word for (word,) in found.fetchall())


def is_keyword(word: str) -> bool:
    """Tell whether a name is a word of SQL, and so needs double quotes."""
    return word.lower() in _keywords()


class EngineError(Exception):
    """What the engine says against a query, in one line; `kind` is DuckDB's word for it."""

    def __init__(self, kind: str, text: str) -> None:
        super().__init__(text)
        self.kind = kind


class Engine:
    """Tables over some files; used in a `with` block, at whose end all of it is gone.

    `folder` is for files that it may read and that are removed with it.
    """

    def __init__(self, files: Iterable[Path], seconds: float = SECONDS) -> None:
        import duckdb  # late: reading a definition does not need it

        self._temporary = tempfile.TemporaryDirectory(prefix="mtnas.")
        self.folder = Path(self._temporary.name)
        self.seconds = seconds
        self._connection = duckdb.connect(config={"threads": THREADS, "memory_limit": MEMORY})
        self._names = 0
        self._kept: dict[str, pa.Table] = {}
        self._shut_in([path.resolve() for path in files])

    def _shut_in(self, files: list[Path]) -> None:
        spill = self.folder / "spill"
        for setting, value in {
            "temp_directory": _text(str(spill)),
            "preserve_insertion_order": "true",
            "disabled_optimizers": "'in_clause'",  # it makes a join of a long list: order is lost
            "TimeZone": "'UTC'",
            "ieee_floating_point_ops": "false",
            "error_on_division_by_zero": "false",  # it gives NULL
            "allowed_directories": f"[{_text(str(self.folder) + '/')}]",
            "allowed_paths": f"[{', '.join(_text(str(path)) for path in files)}]",
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
            "enable_external_access": "false",
            "lock_configuration": "true",
        }.items():
            self._connection.execute(f"SET GLOBAL {setting} = {value}")

    def path(self, file: Path) -> str:
        """Return the SQL of the path of one file; signs of a pattern in its name are none."""
        path = file.resolve()
        if set("*?[") & set(str(path)):
            link = self.folder / (self.new_name("link") + "".join(path.suffixes[-2:]))
            link.symlink_to(path)
            path = link
        return _text(str(path))

    def new_name(self, stem: str) -> str:
        """Return a name for a view or a file that nothing has yet."""
        self._names += 1
        return f"{stem}#{self._names}"

    def fetch(self, query: str) -> list[tuple[Any, ...]]:
        """Return all rows of a small result.

        Raises:
            EngineError: the query cannot be bound or computed.
            DataError: it does not end, or takes more memory than there is.
        """
        with self._guarded(), self._watched(self._connection) as _:
            return self._connection.execute(query).fetchall()

    def batches(self, query: str, rows: int | None = None) -> Iterator[pa.RecordBatch]:
        """Yield a result piece by piece, `BATCH_ROWS` rows at most each; errors as `fetch`."""
        size = rows or BATCH_ROWS
        cursor = self._connection.cursor()
        for kept, table in self._kept.items():
            cursor.register(kept, table)
        try:
            with self._guarded(), self._watched(cursor):
                reader = cursor.sql(query).to_arrow_reader(size)
            while True:
                with self._guarded(), self._watched(cursor):
                    batch = next(reader, None)
                if batch is None:
                    return
                for start in range(0, batch.num_rows, size):
                    yield batch.slice(start, size)
        finally:
            cursor.close()

    def keep(self, query: str) -> tuple[str, int]:
        """Keep a result, so that it is computed once; return its name and rows; errors as `fetch`.

        DuckDB's own tables also count and compress their values, which takes most of the time.
        """
        kept = self.new_name("kept")
        with self._guarded(), self._watched(self._connection):
            table = self._connection.sql(query).to_arrow_table().combine_chunks()
        self._kept[kept] = table
        self._connection.register(kept, table)
        return kept, table.num_rows

    def distinct(
        self, relation: str, columns: Sequence[str]
    ) -> Iterator[tuple[str, pa.StringArray, pa.Int64Array, int]]:
        """Yield the different texts of columns, piece by piece, how often each is there, and nulls.

        DuckDB itself would have to keep all of them until the end.
        """
        chosen = ", ".join(map(name, columns))
        for batch in self.batches(f"SELECT {chosen} FROM {relation}") if columns else ():
            for column, texts in zip(columns, batch.columns, strict=True):
                counted = texts.value_counts()
                counted = counted.filter(counted.field(0).is_valid())
                yield column, counted.field(0), counted.field(1), texts.null_count

    def fetch_over(self, table: pa.Table, query: str) -> list[tuple[Any, ...]]:
        """Return all rows of a small result; the query calls a table of Arrow `given`."""
        with self._given(table):
            return self.fetch(query)

    def computed(self, texts: pa.StringArray, query: str) -> pa.StringArray:
        """Return what a query makes of every text; it calls them column `text` of `given`."""
        with self._given(pa.table([texts], ["text"])), self._guarded():
            return self._connection.sql(query).to_arrow_table()["text"].combine_chunks()

    @contextmanager
    def _given(self, table: pa.Table) -> Iterator[None]:
        self._connection.register("given", table)
        try:
            yield
        finally:
            self._connection.unregister("given")

    def types(self, query: str) -> dict[str, str]:
        """Return the types of the columns of a query, as DuckDB writes them."""
        return {row[0]: row[1] for row in self.fetch(f"DESCRIBE {query}")}

    @contextmanager
    def _watched(self, connection: "duckdb.DuckDBPyConnection") -> Iterator[None]:
        """Interrupt what gives no answer for long."""
        late = threading.Event()

        def stop() -> None:
            late.set()
            connection.interrupt()

        timer = threading.Timer(self.seconds, stop)
        timer.daemon = True
        timer.start()
        try:
            yield
        except Exception:
            if late.is_set():
                raise DataError(
                    f"a query gave no row for {self.seconds:g} seconds and was stopped; write a "
                    "simpler expression, or give `time_limit` (in seconds)"
                ) from None
            raise
        finally:
            timer.cancel()

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        """Turn an error of DuckDB into one of ours."""
        import duckdb

        try:
            yield
        except (duckdb.OutOfMemoryException, MemoryError):
            raise DataError(
                f"a query needs more memory than the {MEMORY} that it may use; write a simpler "
                "expression, or split the files"
            ) from None
        except duckdb.Error as error:
            raise _of(type(error).__name__, str(error)) from None
        except (pa.ArrowException, OSError) as error:  # while a result is streamed
            raise _of("InvalidInputException", str(error)) from None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._connection.close()
        self._temporary.cleanup()


def name(text: str) -> str:
    """Write a name as SQL does."""
    return '"' + text.replace('"', '""') + '"'


def literal(text: str) -> str:
    """Write a text as SQL does."""
    return _text(text)


def _text(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _of(kind: str, said: str) -> EngineError:
    """Keep the first sentence of what DuckDB says, without its type and its picture."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    first = lines[0] if lines else kind
    head, colon, rest = first.partition(": ")
    text = rest if colon and head.endswith("Error") else first
    return EngineError(kind, text)
