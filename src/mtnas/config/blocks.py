"""Types of the mappings in a configuration file, made from the classes of options.

A file names only the options that it changes, so no key is required; a grid has a list of values
for each option. What is read with these types stays a plain mapping of what was written.
"""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field
from pydantic.fields import FieldInfo
from typing_extensions import TypedDict

from mtnas.runtime.options import CONFIG, nothing_to_empty, shown


def different(values: tuple[Any, ...]) -> tuple[Any, ...]:
    """Refuse a list that names something twice."""
    twice = [value for number, value in enumerate(values) if value in values[:number]]
    if twice:
        raise ValueError(f"names {', '.join(map(shown, dict.fromkeys(twice)))} more than once")
    return values


def list_of(kind: Any, at_least: int = 1) -> Any:
    """Return the type of a list of different values."""
    return Annotated[
        tuple[kind, ...],
        AfterValidator(different),
        Field(min_length=at_least, json_schema_extra={"uniqueItems": True}),
    ]


def dict_of(key: Any, kind: Any) -> Any:
    """Return the type of a mapping with any keys of a kind, such as names of experiments."""
    return Annotated[dict[key, kind], BeforeValidator(nothing_to_empty)]


def mapping(name: str, entries: Mapping[str, object]) -> Any:
    """Return the type of a mapping that may have some keys and no others."""
    make: Any = TypedDict  # its functional form is for literal keys only, says mypy
    kind = make(name, dict(entries), total=False)
    kind.__pydantic_config__ = CONFIG
    return Annotated[kind, BeforeValidator(nothing_to_empty)]


def overrides(options: type[BaseModel], name: str = "", **more: Any) -> Any:
    """Return the type of a mapping that changes some options; `more` are further keys of it."""
    fields = {key: _override(field) for key, field in options.model_fields.items()}
    return mapping(name or options.__name__, {**fields, **more})


def grid(options: type[BaseModel], name: str, leave_out: tuple[str, ...] = ()) -> Any:
    """Return the type of a mapping from options to lists of values to try."""
    fields = options.model_fields.items()
    return mapping(name, {key: _list(field) for key, field in fields if key not in leave_out})


def _override(field: FieldInfo) -> Any:
    """Return the type of one option; for a group of options, of a mapping that changes some."""
    block = _block(field)
    kind = field.annotation if block is None else overrides(block)
    about = Field(
        description=field.description,
        json_schema_extra=None
        if block
        else {"default": field.get_default(call_default_factory=True)},
    )
    return Annotated[(kind, *field.metadata, about)]


def _list(field: FieldInfo) -> Any:
    block = _block(field)
    if block is not None:
        return grid(block, f"{block.__name__}_grid")
    return list_of(Annotated[(field.annotation, *field.metadata, Field())])


def _block(field: FieldInfo) -> type[BaseModel] | None:
    kind = field.annotation
    return kind if isinstance(kind, type) and issubclass(kind, BaseModel) else None
