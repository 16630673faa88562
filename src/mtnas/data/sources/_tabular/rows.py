"""The rows of one source: what the engine computes, turned into fields, labels and places."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial, reduce
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mtnas.data.engine.cleaning import encoded
from mtnas.data.engine.connection import Engine
from mtnas.data.engine.functions import kind_of
from mtnas.data.engine.joins import Join, joined, matched_name, unlike
from mtnas.data.engine.query import Asked, Query, View, batches, build, computed
from mtnas.data.engine.reading import AS_WRITTEN, FILE_COLUMN
from mtnas.data.engine.syntax import parse
from mtnas.data.engine.tables import Table, open_table
from mtnas.data.sources import base
from mtnas.data.sources._tabular import values
from mtnas.data.sources._tabular.definition import Definition
from mtnas.data.sources._tabular.fields import FieldReader
from mtnas.data.sources._tabular.labels import LabelReader
from mtnas.data.sources._tabular.looks import Looks
from mtnas.data.sources._tabular.places import Clock, PlaceReader
from mtnas.data.sources._tabular.tables import TableKeys
from mtnas.data.sources._tabular.tally import Reasons, Tally, count_of, count_rows
from mtnas.runtime.errors import DataError


@dataclass
class Counts:
    """What the reading of one source counts: see `sources.base.Dataset`."""

    dropped: Counter[str] = field(default_factory=Counter)
    replaced: Counter[str] = field(default_factory=Counter)
    unmatched: Counter[str] = field(default_factory=Counter)
    warnings: list[str] = field(default_factory=list)
    tally: Tally = field(default_factory=Tally)


@dataclass(frozen=True)
class Files:
    """The files of a source: of its table, and of every join and every field with features."""

    table: list[Path]
    joins: dict[str, list[Path]]
    features: dict[str, Path]

    def all(self) -> list[Path]:
        """List them, each once."""
        joins = [path for paths in self.joins.values() for path in paths]
        return list(dict.fromkeys([*self.table, *joins, *self.features.values()]))


@dataclass(frozen=True)
class ToScore:
    """How rows to be scored are read: none is refused for how many others are wrong.

    `keep` are columns that are handed on as their file has them.
    """

    keep: tuple[str, ...] = ()


_GROUP = "#group"


@dataclass(frozen=True)
class Chunk:
    """Some rows: fields by name, labels of the tasks, what decides a fixed split, their groups.

    `unread` tells which rows have a field whose value could not be read; `written` are the columns
    of `ToScore.keep`, by name.
    """

    fields: dict[str, pa.Array]
    labels: list[pa.Array]
    place: pa.Array | None
    group: pa.Array | None
    unread: pa.BooleanArray
    written: dict[str, pa.Array]


class SourceReader:
    """Reads one source once; what it counts goes to `counts`.

    `clock` is of all sources: how the times by which rows are split are written.
    """

    def __init__(
        self,
        definition: Definition,
        key: str,
        files: Files,
        counts: Counts,
        clock: Clock,
        to_score: ToScore | None = None,
    ) -> None:
        source = definition.sources[key]
        self._where = f"sources.{key}." if key else ""
        self._all, self._source, self._files, self._counts = definition, source, files, counts
        self._clock, self._to_score = clock, to_score
        self._written = () if to_score is None else to_score.keep
        self._fields = [FieldReader(f, source, files.features.get(f)) for f in source.fields]
        self._labels = [LabelReader(name, task) for name, task in source.tasks.items()]
        self._rows = 0

    def chunks(self) -> Iterator[Chunk]:
        """Yield the rows in pieces.

        A row without any label, or without one where all are required, is left out.
        """
        files = [*self._files.table, *(p for paths in self._files.joins.values() for p in paths)]
        with Engine(files, self._all.time_limit) as engine:
            table, view = self._view(engine)
            asked = self._asked()
            numeric = {*computed(asked), *filter(None, [self._all.split.time])}
            texts = view.texts(self._source.needed(self._all.split))
            streamed = self._streamed({*texts} - numeric)
            looks = Looks(self._source)
            clean = partial(encoded, engine, reading=self._source.reading, blanks=table.blanks)
            view.look(engine, [c for c in texts if c not in streamed], numeric, looks.see)
            place = PlaceReader.of(self._all.split, view, engine, self._clock)
            asked |= {} if place is None else place.asked()
            as_they_are = [matched_name(key) for key in self._source.joins]
            as_they_are += [AS_WRITTEN + column for column in self._written]
            query = build(engine, view, as_they_are, asked)
            for field_ in self._fields:
                field_.check(query)
            for label in self._labels:
                label.check(query)
            self._check_group(query)
            for batch in batches(engine, query, base.BATCH_ROWS):
                yield self._chunk(looks.encoded(batch, streamed, clean), query, place)
            near = {key: self._near(engine, view, key) for key in self._source.joins}
        self._counts.warnings += looks.warnings(c for c in texts if c != FILE_COLUMN)
        if self._rows != table.rows:
            raise DataError(
                f"{self._files.table[0]}: of {table.rows} rows {self._rows} were read; write the "
                "file anew, as Parquet if need be, or give `quote: null` if no quote has a meaning"
            )
        for field_ in self._fields:
            field_.check_end(table.rows, self._counts)
        self._check_partners(near)

    def _check_group(self, query: Query) -> None:
        if kind_of(query.types.get(_GROUP, "VARCHAR")) in ("list", "any", "interval"):
            raise DataError(
                f"group: `{self._source.group}` gives {query.types[_GROUP]}, which names no "
                "group; give a text, a number or a time"
            )

    def _view(self, engine: Engine) -> tuple[Table, View]:
        """Open the table; return also the view of it and what is joined to it."""
        source, split = self._source, self._all.split
        joined_, joins = {key: source.of_join(key, split) for key in source.joins}, {}
        taken = [f"{key}.{column}" for key, columns in joined_.items() for column in columns]
        needed = source.of_first_table(split)
        table = self._open(engine, self._files.table, source, needed, "", taken)
        for key, keys in source.joins.items():
            paths = self._files.joins[key]
            other = self._open(engine, paths, keys, joined_[key], f"{key}.")
            joins[key] = Join(other, keys.on, keys.decimal, str(paths[0]))
        return table, joined(engine, View.of(table, source.decimal), joins)

    def _open(
        self,
        engine: Engine,
        paths: list[Path],
        keys: TableKeys,
        needed: list[str],
        prefix: str,
        taken: Sequence[str] = (),
    ) -> Table:
        users = {c.removeprefix(prefix): said for c, said in self._users().items()}
        written, tolerant, later = self._written, self._to_score is not None, self._later()
        if prefix:  # a table that is joined
            written, tolerant, later = (), False, []
        reading = keys.reading
        table = open_table(engine, paths, reading, needed, users, taken, written, tolerant, later)
        self._counts.dropped.update(table.dropped)
        self._counts.warnings += table.warnings
        return table

    def _streamed(self, texts: set[str]) -> dict[str, str]:
        """Return the columns of the first table that a field takes as they are, with its key.

        They are looked at when they are read; all others, also of the tables joined, before.
        """
        found = {field_.column: field_.key for field_ in self._fields}
        own = {c for c in texts if self._source.joined(c) is None}
        return {c: key for c, key in found.items() if c in own}

    def _later(self) -> list[str]:
        """Name the columns that a field alone reads, as they are: few of their texts differ."""
        keys = (column for join in self._source.joins.values() for column in join.on)
        uses = Counter([*self._source.needed(self._all.split), *keys])
        return [field_.column for field_ in self._fields if uses[field_.column] == 1]

    def _users(self) -> dict[str, tuple[str, str]]:
        """Say of every column what needs it, and what to do if it is not there."""
        split = self._all.split
        found = {name: ("split: ", "") for name in (split.column, split.time) if name}
        for name, own in self._source.fields.items():
            for column in self._source.columns_of(name):
                remedy = parse(own.sql).remedy(column) if own.sql else ""
                found[column] = (f"field {name!r}: ", remedy)
        for name, task in self._source.tasks.items():
            for column in task.expression.columns:
                remedy = task.expression.remedy(column)
                found[column] = (f"task {name!r} (`{task.sql}`): ", remedy)
        if (group := self._source.group_expression) is not None:
            for column in group.columns:
                found.setdefault(column, (f"group (`{group.text}`): ", group.remedy(column)))
        for column in self._written:
            found.setdefault(column, ("--keep: ", ""))
        return found

    def _asked(self) -> dict[str, Asked]:
        """Say what the engine is to compute for fields and labels."""
        asked: dict[str, Asked] = {}
        for field_ in self._fields:
            asked |= field_.asked()
        for label in self._labels:
            asked |= label.asked()
        if self._source.group_expression is not None:
            asked[_GROUP] = Asked(self._source.group_expression)
        return asked

    def _chunk(self, batch: pa.RecordBatch, query: Query, place: PlaceReader | None) -> Chunk:
        counts, reasons = self._counts, Reasons()
        found = [reader.read(batch, query, counts, reasons) for reader in self._labels]
        join = pc.and_ if self._all.require_all_labels else pc.or_
        kept = reduce(join, map(pc.is_valid, found))
        if len(found) > 1 and not self._all.require_all_labels:  # no task alone is to blame
            reasons = Reasons(lost for reader in self._labels for lost in reader.unread)
            reasons.append(("no label of any task", pc.invert(kept)))
        where = None if place is None else place.read(batch, counts, reasons)
        if where is not None:
            kept = pc.and_(kept, pc.is_valid(where))
            where = where.filter(kept)
        count_rows(reasons, pc.invert(kept), counts.dropped)
        for reader in self._labels:
            reader.count_kept(kept, counts)
        for key in self._source.joins:
            partners = batch[matched_name(key)]
            counts.unmatched[key] += len(partners) - count_of(partners)
        numbers = pa.array(np.arange(self._rows, self._rows + batch.num_rows))
        self._rows += batch.num_rows
        if count_of(kept) < batch.num_rows:
            batch, numbers = batch.filter(kept), numbers.filter(kept)
        columns: dict[str, pa.Array] = {}
        for field_ in self._fields:
            columns |= field_.read(batch, query, numbers, counts)
        group = None if self._source.group is None else values.as_value(batch[_GROUP])
        unread = pa.repeat(pa.scalar(False), batch.num_rows)
        for lost in (lost for field_ in self._fields for lost in field_.unread):
            unread = pc.or_(unread, lost)
        written = {column: batch[AS_WRITTEN + column] for column in self._written}
        labels = [label.filter(kept) for label in found]
        return Chunk(columns, labels, where, group, unread, written)

    def _near(self, engine: Engine, view: View, key: str) -> str:
        """Say how many rows lack a partner since their key is written otherwise there."""
        if not self._counts.unmatched[key]:
            return ""
        if said := unlike(view, key, self._source.joins[key].on):
            return f"; {said}"
        rows, one, other = engine.fetch(view.near[key])[0] if view.near[key] else (0, "", "")
        if not rows:
            return ""
        return f"; {rows} would find one if keys were written alike: {one!r} is {other!r} there"

    def _check_partners(self, near: Mapping[str, str]) -> None:
        """Refuse a join that finds too little, and tell of keys that are written in two ways."""
        for key, keys in self._source.joins.items():
            count, on = self._counts.unmatched[key], ", ".join(map(repr, keys.on))
            if count > keys.allow_unmatched * self._rows:
                raise DataError(
                    f"{self._files.joins[key][0]}: {self._where}joins.{key}: {count} of "
                    f"{self._rows} rows have no partner by {on}{near[key]}; "
                    "write the keys alike in both files, or give "
                    f"`allow_unmatched: {min(1.0, count / self._rows + 0.05):.2f}`"
                )
            if not count:
                del self._counts.unmatched[key]
            if near[key]:
                self._counts.warnings.append(
                    f"joins.{key}: {count} rows have no partner by {on}{near[key]}; texts are "
                    "compared as they are written, so write them alike in both files"
                )
