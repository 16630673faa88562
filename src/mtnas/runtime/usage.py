"""What a job took of the machine, and when it ended: in records, never in a number."""

import os
import sys
from datetime import UTC, datetime

from pydantic import SerializerFunctionWrapHandler, model_serializer

from mtnas.runtime.files import Json
from mtnas.runtime.record import Part, without_defaults


class Usage(Part):
    """What the process that ended a job took from its start; what it took up, others had done."""

    cpu_seconds: float  # user and system, with the processes that it waited for
    peak_memory_mb: float | None  # 10^6 bytes, resident; None on Windows, which does not tell
    ended: str  # UTC, as ISO 8601 has it

    @classmethod
    def now(cls) -> "Usage":
        """Return what this process took so far."""
        return cls(
            cpu_seconds=round(sum(os.times()[:4]), 2),
            peak_memory_mb=_peak_memory_mb(),
            ended=datetime.now(UTC).isoformat(timespec="seconds"),
        )


class Traced(Part):
    """Base class of records that tell it; older ones do not."""

    usage: Usage | None = None

    @model_serializer(mode="wrap")
    def _as_before_it_had(self, dump: SerializerFunctionWrapHandler) -> Json:
        """Leave out what is not given, so that no older record differs from a new one."""
        return without_defaults(dump(self), {"usage": None})


def _peak_memory_mb() -> float | None:
    if sys.platform == "win32":
        return None
    import resource

    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(most * (1 if sys.platform == "darwin" else 1024) / 1e6, 1)
