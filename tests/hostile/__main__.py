"""Meet hostile configurations, dataset files, download answers and archives; count how they end.

    python -m tests.hostile --seed 1

Each runs in a forked child with a limit of memory and a deadline, in a folder of its own. It has to
end accepted, or refused in one clear line: no traceback, no file outside, no command. The counts,
and every case that failed, go to `results/published/hostile.json`. One core, some minutes.
"""

import argparse
import sys
import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory

from mtnas.report.published.whole import changing
from mtnas.runtime.files import Json, write_json
from mtnas.runtime.provenance import REPOSITORY, git_state
from tests.hostile import archives, configurations, datasets, downloads
from tests.hostile.cage import DEADLINE_S, MOST_MEGABYTES, Case, Outcome, judged

PUBLISHED = REPOSITORY / "results" / "published"
CONFIGURATIONS, DATASETS, FUZZED = 1100, 1000, 5000


def main() -> None:
    """Meet all cases and publish the counts; the exit status is 1 if one failed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--share", type=float, default=1.0, help="of the generated cases")
    parser.add_argument("--publish", action="store_true", help="write results/published")
    asked = parser.parse_args()
    began = time.monotonic()
    with TemporaryDirectory(prefix="mtnas-hostile-") as scratch:
        outcomes = met(asked.seed, asked.share, Path(scratch))
    told = counted(asked.seed, outcomes) | {"seconds": round(time.monotonic() - began)}
    for kind, count in told["kinds"].items():
        print(kind, count)
    print(f"{told['seconds']} s")
    if asked.publish:
        with changing(PUBLISHED) as copy:
            write_json(copy / "hostile.json", told)
    sys.exit(bool(told["failed"]))


def met(seed: int, share: float, scratch: Path) -> list[Outcome]:
    """Meet all cases, kind by kind, each in children of its own."""
    kinds: list[Iterable[Case]] = [
        configurations.cases(seed, int(CONFIGURATIONS * share)),
        datasets.cases(seed, int(DATASETS * share)),
        archives.cases(seed, int(FUZZED * share)),
        downloads.cases(),
    ]
    outcomes = []
    for cases in kinds:
        for outcome in judged(list(cases), scratch / "cage"):
            if outcome.ended == "failed":
                print("FAILED", outcome, file=sys.stderr, flush=True)
            outcomes.append(outcome)
        print(f"{len(outcomes)} cases are met", file=sys.stderr, flush=True)
    return outcomes


def counted(seed: int, outcomes: list[Outcome]) -> Json:
    """Count outcomes by kind; name those that failed."""
    kinds = {}
    for kind in dict.fromkeys(outcome.kind for outcome in outcomes):
        own = [outcome for outcome in outcomes if outcome.kind == kind]
        ended = Counter(outcome.ended for outcome in own)
        kinds[kind] = {
            "cases": len(own),
            **{name: ended[name] for name in ("refused", "accepted", "failed")},
            "slowest_seconds": max(outcome.seconds for outcome in own),
            "most_megabytes": max(outcome.megabytes for outcome in own),
        }
    failed = [
        {"kind": one.kind, "name": one.name, "said": one.said}
        for one in outcomes
        if one.ended == "failed"
    ]
    limits = {"deadline_seconds": DEADLINE_S, "memory_megabytes": MOST_MEGABYTES}
    return {
        "seed": seed,
        "commit": git_state()["commit"],
        **limits,
        "kinds": kinds,
        "failed": failed,
    }


if __name__ == "__main__":
    main()
