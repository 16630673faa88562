"""What a job took: CPU time, memory, the moment at which it ended."""

import importlib
import pkgutil
from datetime import UTC, datetime

from mtnas import evidence
from mtnas.runtime.record import Part
from mtnas.runtime.usage import Usage

PROVENANCE = {"usage", "environment", "git", "code"}
DRAWN = {"SimulatedStudyRecord"}  # reads no table; its seeds and options say all


def records():
    """Return every class of `evidence` that tells what a job was made with."""
    for found in pkgutil.walk_packages(evidence.__path__, "mtnas.evidence."):
        for thing in vars(importlib.import_module(found.name)).values():
            is_part = isinstance(thing, type) and issubclass(thing, Part)
            if is_part and "environment" in thing.model_fields:
                yield thing


def test_every_record_of_a_job_tells_with_what_it_was_made():
    found = set(records())

    assert len(found) == 7
    for record in found:
        fields = set(record.model_fields)
        assert fields >= PROVENANCE, f"{record.__name__} lacks {PROVENANCE - fields}"
        assert "timings" in fields or "seconds" in fields, record
        assert fields >= {"spec", "data"} or record.__name__ in DRAWN, record


def test_usage_is_that_of_this_process():
    before = Usage.now()
    held = bytes(range(256)) * 800_000  # 205 MB
    while (now := Usage.now()).cpu_seconds < before.cpu_seconds + 0.05:
        sum(range(10_000))

    assert now.peak_memory_mb > 200 and len(held)
    assert abs(datetime.now(UTC) - datetime.fromisoformat(now.ended)).total_seconds() < 60
