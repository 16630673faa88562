"""Raw rows to be scored, read as the rows of the dataset were.

A dataset of a YAML file keeps its expressions, joins and buckets. One in Python is read from files
that have a column for each of its fields, as its source gives them.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from mtnas.data.engine.reading import FILE_COLUMN
from mtnas.data.sources._tabular import declaration
from mtnas.data.sources._tabular.dataset import TabularDataset
from mtnas.data.sources._tabular.files import find
from mtnas.data.sources._tabular.rows import ToScore
from mtnas.data.sources._tabular.tables import OF_TEXT_TABLES
from mtnas.export.encoding import Encoding
from mtnas.runtime.errors import ConfigError, DataError, unknown
from mtnas.runtime.files import Json

# It stands for the tasks: rows to be scored need no label.
_ALWAYS = {"is_read": f'"{FILE_COLUMN}" IS NOT NULL'}
_KINDS = {"list": "list", "numeric": "numeric"}


def rows_of(
    encoding: Encoding,
    files: Sequence[Path],
    *,
    source: str | None = None,
    features: Mapping[str, Path] | None = None,
    joins: Mapping[str, Path] | None = None,
    keep: Sequence[str] = (),
) -> TabularDataset:
    """Return the rows of some files as a dataset: its `chunks` hold fields and kept columns, and
    tell which rows have a value that could not be read.

    Args:
        encoding: of the exported model.
        files: one table in CSV, JSON lines or Parquet.
        source: which of the dataset's sources the rows are of, where there are several.
        features: by field, the file of its features that belongs to these rows.
        joins: by join, the file of the table that is joined, instead of the dataset's own.
        keep: columns that are handed on as the file has them.

    Raises:
        ConfigError: no such source or field, or a field whose features cannot be had.
    """
    for file in files:
        if not file.is_file():
            raise ConfigError(f"{file}: there is no such file; name the files of rows to be scored")
    own = _of_source(encoding, source)
    wanted = {field.name for field in encoding.fields}
    fields = {name: keys for name, keys in own["fields"].items() if _is_wanted(name, keys, wanted)}
    fields = _with_features(fields, dict(features or {}))
    table = {**_reading(own, files[0]), "fields": fields}
    table["path"] = [str(file) for file in files]
    table["tasks"] = _ALWAYS
    table["joins"] = _with_files(encoding, own.get("joins", {}), dict(joins or {}))
    definition = declaration.of(table, f"mtnas score: {encoding.dataset}")
    return TabularDataset(encoding.dataset, definition, ToScore(tuple(keep)))


def _of_source(encoding: Encoding, source: str | None) -> Json:
    """Return the keys of the table that rows are of."""
    if encoding.definition is None:
        return {"fields": _plain_fields(encoding), "missing": [""]}
    tables: dict[str, Json] = encoding.definition["sources"]
    names = [name for name in tables if name]
    if source is None and names and len(tables) > 1:
        raise ConfigError(
            f"--source: the dataset has several sources: {', '.join(names)}; name one"
        )
    if source is not None and source not in names:
        raise ConfigError(unknown("source", source, names, "--source"))
    keys = dict(tables[source or next(iter(tables))])
    for key in ("package", "group", "loss_weight"):
        keys.pop(key, None)
    limits = {"time_limit": encoding.definition["time_limit"]}
    return {**keys, **limits}


def _plain_fields(encoding: Encoding) -> dict[str, dict[str, str]]:
    """Return fields that are read from columns of their names; ids and categories as they are."""
    numbers = {number.name for number in encoding.numbers}
    found: dict[str, dict[str, str]] = {}
    for field in encoding.fields:
        if field.kind == "features":
            raise ConfigError(
                f"field {field.name!r} of dataset {encoding.dataset!r} is made of texts by an "
                "encoder, which an export does not hold; make the features yourself and run "
                "model.pt2 or model.onnx, as docs/using-a-model.md shows"
            )
        kind = "numeric" if field.name in numbers else _KINDS.get(field.kind, "category")
        found[field.name] = {"type": kind}
    return found


def _is_wanted(name: str, keys: Json, wanted: set[str]) -> bool:
    """Whether the model reads a field, or a part of its time."""
    if keys.get("type") != "time":
        return name in wanted
    return any(f"{name}_{part}" in wanted for part in keys["parts"])


def _with_features(fields: dict[str, Json], given: dict[str, Path]) -> dict[str, Json]:
    """Return fields with the files of their features: those given, or those with keys."""
    own = [name for name, keys in fields.items() if keys.get("type") == "features"]
    for name in given:
        if name not in own:
            raise ConfigError(unknown("field of features", name, own, "--features"))
    found = dict(fields)
    for name in own:
        in_order = fields[name]["key"] is None and fields[name]["column"] is None
        file = given.get(name, Path(fields[name]["path"]))
        if name not in given and (in_order or not file.is_file()):
            why = (
                "row i of them belongs to row i of the table" if in_order else f"{file} is missing"
            )
            raise ConfigError(
                f"field {name!r}: its features are in a file of their own, and {why}; give "
                f"--features {name}=FILE, the features of these rows"
            )
        found[name] = {**fields[name], "path": str(file)}
    return found


def _with_files(
    encoding: Encoding, joins: dict[str, Json], given: dict[str, Path]
) -> dict[str, Json]:
    """Return joins with their files: those given, or those of the dataset; rows need no partner."""
    for name in given:
        if name not in joins:
            raise ConfigError(unknown("join", name, joins, "--join"))
    found = {}
    for name, keys in joins.items():
        paths = [str(given[name])] if name in given else keys["path"]
        try:
            find(paths, None, encoding.dataset)
        except DataError:
            raise ConfigError(
                f"join {name!r}: {', '.join(paths)} is missing; give --join {name}=FILE, the table "
                "that is joined to these rows"
            ) from None
        found[name] = {**keys, "path": paths, "allow_unmatched": 1.0}
    return found


def _reading(own: Json, first: Path) -> Json:
    """Return keys of a table without those that are of another format than the first file's."""
    keys = {key: value for key, value in own.items() if value is not None or key == "quote"}
    suffixes = [s.lower() for s in first.suffixes if s.lower() not in declaration.COMPRESSED]
    told = declaration.FORMATS.get(suffixes[-1]) if suffixes else None
    if told is None or told == own.get("format"):
        return keys
    return {key: value for key, value in keys.items() if key not in (*OF_TEXT_TABLES, "format")}
