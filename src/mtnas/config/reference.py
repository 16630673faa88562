"""Write the tables of keys in config/README.md and docs/adding-a-dataset.md."""

from pathlib import Path
from typing import Any

from pydantic import BaseModel

from mtnas.config.entries import DatasetOptions, Experiment, TaskSubsets, Tuning
from mtnas.config.methods import known_methods
from mtnas.config.options import TrainingOptions
from mtnas.config.schema import SCHEMA_FILE, as_text, generate
from mtnas.config.simulated import known_simulated_studies
from mtnas.config.study import Study
from mtnas.data.sources._tabular.definition import Definition, SourceDefinition
from mtnas.data.sources._tabular.parts import FieldDefinition, SplitDefinition, TaskDefinition
from mtnas.data.sources._tabular.tables import JoinDefinition
from mtnas.data.synthetic import SyntheticOptions
from mtnas.runtime.files import Json, write_text
from mtnas.runtime.provenance import REPOSITORY

MANUAL = REPOSITORY / "config/README.md"
DATASET_MANUAL = REPOSITORY / "docs/adding-a-dataset.md"
BEGIN, END = "<!-- reference: begin -->", "<!-- reference: end -->"
_LIMITS = {"minimum": ">=", "exclusiveMinimum": ">", "maximum": "<=", "exclusiveMaximum": "<"}
_KINDS = {"object": "mapping", "array": "list"}


def write() -> list[Path]:
    """Write the schema file and the generated parts of the manuals; return their paths."""
    write_text(SCHEMA_FILE, as_text(generate()))
    for path, tables in ((MANUAL, reference()), (DATASET_MANUAL, dataset_reference())):
        write_text(path, with_reference(path.read_text(encoding="utf-8"), tables))
    return [SCHEMA_FILE, MANUAL, DATASET_MANUAL]


def with_reference(text: str, tables: str) -> str:
    """Put the generated tables between the markers of the manual."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{tables}\n{END}{after}"


def reference() -> str:
    """Return the keys of a configuration as Markdown tables, one per section."""
    sections: dict[str, type[BaseModel]] = {
        "Top level": Study,
        "`dataset_options.<dataset>`": DatasetOptions,
        "`synthetic.<dataset>`": SyntheticOptions,
        "`training`": TrainingOptions,
        "`tuning`": Tuning,
        "`experiments.<experiment>`": Experiment,
        "`subsets.<name>`": TaskSubsets,
        **{f"`methods.{name}`": method.options for name, method in known_methods().items()},
        **{
            f"`simulated_studies.options.{name}`": options
            for name, options in known_simulated_studies().items()
        },
    }
    return "\n".join(_table(title, record) for title, record in sections.items())


def dataset_reference() -> str:
    """Return the keys of a file of config/datasets as Markdown tables."""
    sections: dict[str, type[BaseModel]] = {
        "The file": Definition,
        "Its table, or each of `sources`": SourceDefinition,
        "`joins.<name>`, with the keys of a table": _OfJoin,
        "`fields.<field>`": FieldDefinition,
        "`tasks.<task>`": TaskDefinition,
        "`split`": SplitDefinition,
    }
    return "\n".join(_table(title, record) for title, record in sections.items())


class _OfJoin(JoinDefinition):
    """The keys that only a joined table has."""

    @classmethod
    def model_json_schema(cls, *args: Any, **kwargs: Any) -> Json:
        """Leave out those of every table."""
        schema = super().model_json_schema(*args, **kwargs)
        own = {"on", "allow_unmatched"}
        schema["properties"] = {k: v for k, v in schema["properties"].items() if k in own}
        return schema


def _table(title: str, record: type[BaseModel]) -> str:
    schema = record.model_json_schema()
    rows = _rows(schema.get("properties", {}), schema.get("$defs", {}))
    lines = ("| key | default | allowed | meaning |", "|---|---|---|---|", *rows)
    return f"### {title}\n\n" + ("\n".join(lines) if rows else "No options.") + "\n"


def _rows(properties: Json, parts: Json, prefix: str = "") -> list[str]:
    rows: list[str] = []
    for name, part in properties.items():
        block = parts.get(part.get("$ref", "").rpartition("/")[2], {})
        if block and "default" not in part:  # a block of options, not a whole section
            rows += _rows(block["properties"], parts, f"{prefix}{name}.")
            continue
        value = part.get("default", "")
        default = "" if value == "" or isinstance(value, dict) else f"`{_shown(value)}`"
        meaning = part.get("description", "").replace("|", "\\|")
        rows.append(f"| `{prefix}{name}` | {default} | {_allowed(part)} | {meaning} |")
    return rows


def _shown(value: object) -> str:
    """Return a value as it is written in YAML."""
    if value is None:
        return "null"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _allowed(part: Json) -> str:
    """Say in a few words which values are allowed."""
    if "enum" in part:
        return ", ".join(f"`{_shown(value)}`" for value in part["enum"])
    if "anyOf" in part:
        return " or ".join(map(_allowed, part["anyOf"]))
    if "$ref" in part or "type" not in part:
        return "see below"
    kinds: list[str] = part["type"] if isinstance(part["type"], list) else [part["type"]]
    return " or ".join(_kind(kind, part) for kind in kinds)


def _kind(kind: str, part: Json) -> str:
    """Name one type with its limits, such as `list of integers >= 0`."""
    items = part.get("items", {})
    if kind == "array" and "type" in items:
        return f"list of {_KINDS.get(items['type'], items['type'])}s{_limits(items)}"
    return _KINDS.get(kind, kind) + _limits(part)


def _limits(part: Json) -> str:
    return "".join(f" {sign} {part[key]}" for key, sign in _LIMITS.items() if key in part)
