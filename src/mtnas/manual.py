"""The reference part of config/README.md, rendered from the JSON schema."""

from pathlib import Path

from mtnas.files import write_json, write_text
from mtnas.schema import REPOSITORY, SCHEMA_FILE, Schema, generate
from mtnas.validation import allowed, show

MANUAL = REPOSITORY / "config/README.md"
BEGIN, END = "<!-- reference: begin -->", "<!-- reference: end -->"


def write() -> list[Path]:
    """Write the schema file and the generated part of the manual; return their paths."""
    schema = generate()
    write_json(SCHEMA_FILE, schema)
    write_text(MANUAL, with_reference(MANUAL.read_text(encoding="utf-8"), reference(schema)))
    return [SCHEMA_FILE, MANUAL]


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
        "`simulations.<dataset>`": parts["simulation"],
        "`training`": parts["training"],
        **{f"`methods.{name}`": part for name, part in parts["methods"].items()},
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
        default = f"`{show(part['default'])}`" if "default" in part else ""
        meaning = part.get("description", "").replace("|", "\\|")
        rows.append(f"| `{prefix}{name}` | {default} | {allowed(part)} | {meaning} |")
    return rows


def _with_defaults(part: Schema) -> Schema:
    own = part.get("default", {})
    return {
        name: {**inner, **({"default": own[name]} if name in own else {})}
        for name, inner in part["properties"].items()
    }
