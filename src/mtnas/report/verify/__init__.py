"""Check a folder of results against itself: digests, scores, tables, verdicts.

What can be computed again is computed again, scores by other code than what wrote them.
"""

from pathlib import Path

from mtnas.report.verify.outcome import Outcome
from mtnas.runtime.errors import RecordError


def verify(folder: Path) -> Outcome:
    """Check a folder that a study left, or results/published.

    Raises:
        RecordError: it is neither.
    """
    from mtnas.report.verify.published import check_published
    from mtnas.report.verify.results import check_results

    outcome = Outcome()
    if (folder / "inventory.json").is_file():
        check_published(folder, outcome)
    elif any((folder / part).is_dir() for part in ("data", "runs", "simulated_studies", "claims")):
        check_results(folder, outcome)
    else:
        raise RecordError(
            f"{folder}: no results here; give the folder that a study left (results), or "
            "results/published"
        )
    return outcome
