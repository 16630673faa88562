"""What an export keeps of the file of its dataset: everything but where files lay on a disk."""

from pathlib import PurePath

from mtnas.data import sources
from mtnas.data.prepare.manifest import FieldSummary, PrepareSpec
from mtnas.data.sources._tabular.dataset import TabularDataset
from mtnas.data.sources._tabular.definition import Definition
from mtnas.runtime.files import Json

AWAY = "..."  # stands for folders that are not told


def definition_of(spec: PrepareSpec) -> Json | None:
    """Return the keys of the dataset's YAML file, by which the table was prepared; None of one in
    Python.
    """
    own = keys_of(spec)
    if own is None:
        return None
    keys = own.model_dump(mode="json")
    for table in keys["sources"].values():
        for own in (table, *table["joins"].values()):
            own["path"] = [portable(path) for path in own["path"]]
        for field in table["fields"].values():
            field["path"] = None if field["path"] is None else portable(field["path"])
    return keys


def keys_of(spec: PrepareSpec) -> Definition | None:
    """Return the keys of the dataset's YAML file; None of a dataset in Python."""
    if spec.definition is None:
        return None
    dataset = sources.load(spec.dataset, definition=spec.definition)
    assert isinstance(dataset, TabularDataset)
    return dataset.keys


def missing_of(definition: Json | None) -> dict[str, tuple[str, ...]]:
    """Return the texts that mean missing, by source."""
    if definition is None:
        return {"": ("",)}
    return {name: tuple(table["missing"]) for name, table in definition["sources"].items()}


def portable(path: str) -> str:
    """Return a path that tells nothing of its author's disk: a relative one, or `.../NAME`.

    No file is there, so `mtnas score` asks for it.
    """
    parts = PurePath(path).parts
    is_private = PurePath(path).is_absolute() or path.startswith("~") or ".." in parts
    return f"{AWAY}/{parts[-1]}" if is_private else path


def without_places(field: FieldSummary) -> FieldSummary:
    """Return a field of features that does not say where their file is."""
    if field.kind != "features" or field.column is None:
        return field
    column = portable(field.column)
    is_path = field.help == field.column
    return field.model_copy(update={"column": column, "help": column if is_path else field.help})
