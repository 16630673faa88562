"""The reference parts of config/README.md and docs/adding-a-dataset.md, rendered from schemas."""

from pathlib import Path

from mtnas.config.schema import REPOSITORY, SCHEMA_FILE, Schema
from mtnas.config.study_schema import generate
from mtnas.config.validation import allowed, show
from mtnas.data.sources._tabular.definition import Definition
from mtnas.runtime.files import write_json, write_text

MANUAL = REPOSITORY / "config/README.md"
DATASET_MANUAL = REPOSITORY / "docs/adding-a-dataset.md"
BEGIN, END = "<!-- reference: begin -->", "<!-- reference: end -->"


def write() -> list[Path]:
    """Write the schema file and the generated parts of the manuals; return their paths."""
    schema = generate()
    write_json(SCHEMA_FILE, schema)
    for path, tables in ((MANUAL, reference(schema)), (DATASET_MANUAL, dataset_reference())):
        write_text(path, with_reference(path.read_text(encoding="utf-8"), tables))
    return [SCHEMA_FILE, MANUAL, DATASET_MANUAL]


def with_reference(text: str, tables: str) -> str:
    """Put the generated tables between the markers of the manual."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{tables}\n{END}{after}"


def reference(schema: Schema) -> str:
    """Render the schema as Markdown tables, one per section."""
    parts = schema["$defs"]
    sections = {
        "Top level": schema,
        "`dataset_options.<dataset>`": parts["dataset"],
        "`synthetic.<dataset>`": parts["synthetic"],
        "`training`": parts["training"],
        "`tuning`": parts["tuning"],
        **{f"`methods.{name}`": part for name, part in parts["methods"].items()},
    }
    return "\n".join(_table(title, part) for title, part in sections.items())


def dataset_reference() -> str:
    """Render the keys of a file of config/datasets as Markdown tables."""
    schema = Definition.model_json_schema()
    parts = schema["$defs"]
    sections = {
        "The file": schema,
        "`fields.<field>`": parts["FieldDefinition"],
        "`tasks.<task>`": parts["TaskDefinition"],
        "`split`": parts["SplitDefinition"],
    }
    return "\n".join(_table(title, part) for title, part in sections.items())


def _table(title: str, schema: Schema) -> str:
    head = f"### {title}\n\n"
    rows = _rows(schema)
    if not rows:
        return f"{head}No options.\n"
    lines = ("| key | default | allowed | meaning |", "|---|---|---|---|", *rows)
    return head + "\n".join(lines) + "\n"


def _rows(schema: Schema, prefix: str = "") -> list[str]:
    rows: list[str] = []
    for name, part in schema["properties"].items():
        if name.endswith("_raw"):
            continue  # one sentence of prose serves all datasets
        if "default" in part and "properties" in part:  # a block of options
            rows += _rows({"properties": _with_defaults(part)}, f"{prefix}{name}.")
            continue
        value = part.get("default", "")
        default = "" if value == "" or isinstance(value, dict) else f"`{show(value)}`"
        meaning = part.get("description", "").replace("|", "\\|")
        rows.append(f"| `{prefix}{name}` | {default} | {allowed(part)} | {meaning} |")
    return rows


def _with_defaults(part: Schema) -> Schema:
    own = part.get("default", {})
    return {
        name: {**inner, **({"default": own[name]} if name in own else {})}
        for name, inner in part["properties"].items()
    }
