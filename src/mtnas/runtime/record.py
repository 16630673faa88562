"""Records: JSON files in which a job describes its result; a later change of one is noticed."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from mtnas.runtime.files import Json, broken, check_artefact, read_record, sealed, write_record
from mtnas.runtime.options import first_problem


class Part(BaseModel):
    """Base class of the parts of a record; unknown keys, NaN and infinity are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Record(Part):
    """Base class of every record. `digest` and `artefacts` are filled in when it is written."""

    artefacts: dict[str, str] = Field({}, description="SHA-256 of the files it describes, by name")
    digest: str = Field("", description="SHA-256 of everything else in the record")

    @classmethod
    def read(cls, path: str | Path) -> Self:
        """Read a record.

        Raises:
            RecordError: the file is missing, was changed after it was written, or is of another
                kind.
        """
        return cls.of(read_record(path), path)

    @classmethod
    def of(cls, content: Json, path: str | Path) -> Self:
        """Return the record that JSON data holds; messages name `path` as its file."""
        try:
            return cls.model_validate(content)
        except ValidationError as problem:
            told = ": ".join(filter(None, first_problem(cls, problem)))
            raise broken(path, f"not {cls._name()}: {told}") from None

    def write(self, path: str | Path, artefacts: Iterable[str | Path] = ()) -> None:
        """Write the record atomically; the files that it describes must be there already."""
        write_record(path, self.to_json(), artefacts)

    def to_json(self) -> Json:
        """Return the record as JSON data, without its digests."""
        return self.model_dump(mode="json", exclude={"artefacts", "digest"})

    def sealed(self) -> Json:
        """Return the record as JSON data with a new digest of itself and its old ones of files."""
        return sealed({**self.to_json(), "artefacts": self.artefacts})

    def check(self, artefact: str | Path) -> None:
        """Raise `RecordError` unless a file is the one that this record was written with."""
        check_artefact(artefact, self.artefacts)

    @classmethod
    def _name(cls) -> str:
        """Return the first words of the docstring, such as `a run record`."""
        first = (cls.__doc__ or "").splitlines()[0].partition(":")[0].rstrip(".")
        return first[:1].lower() + first[1:]


def without_defaults(told: dict[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    """Return JSON data of a part without the keys that have their default, of those named."""
    return {
        key: value for key, value in told.items() if key not in defaults or value != defaults[key]
    }
