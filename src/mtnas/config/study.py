"""A validated configuration, and what the names in it stand for."""

from dataclasses import dataclass, field
from typing import Any

from mtnas.config.schema import Schema
from mtnas.config.validation import Origins
from mtnas.runtime.errors import ConfigError, unknown

Spec = dict[str, Any]
Run = tuple[str, str, str]

PAPER = "paper"  # the variant that every method has: no deviation
BUDGET_METHOD = "mtnas"  # hidden widths of the others are solved to match its size


@dataclass(frozen=True, eq=False)  # one object per run of the workflow: results can be cached
class Config:
    """A validated configuration, all top-level keys present."""

    values: dict[str, Any]
    schema: Schema
    origins: Origins = field(default_factory=Origins)

    def __getitem__(self, key: str) -> Any:
        return self.values[key]

    def method(self, name: str) -> Schema:
        """Return the options schema of one method."""
        methods: dict[str, Schema] = self.schema["$defs"]["methods"]
        if name not in methods:
            raise ConfigError(unknown("method", name, methods, "config"))
        return methods[name]

    def variants(self, method: str) -> tuple[str, ...]:
        """Name the variants of a method, `paper` first."""
        return (PAPER, *self["variants"].get(method, {}))
