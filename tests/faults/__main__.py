"""Disturb a small study in many ways, recover as the documents say, compare to the last bit.

    python -m tests.faults --seed 1

Every way to end a run and every odd place is tried, and a drawn part of the damages to files. One
line of JSON per disturbance: `kind`, `moment`, `recovered` (it ended well, and `mtnas verify` finds
nothing wrong), `equal` (to the undisturbed study), `message_ok` (no traceback; what is refused is
named), `seconds`, `commit`. What is done is kept in FOLDER: killed and started again, it goes on,
first with kinds that are not published yet. At the end it publishes what was run, and what was not
(`results/published/faults.json`). No part of the tests.
"""

import argparse
import json
import random
import re
import shutil
import sys
import time
import traceback
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from mtnas.report.published import campaigns
from mtnas.report.published.whole import changing
from mtnas.runtime.files import write_json
from mtnas.runtime.provenance import REPOSITORY, git_state
from tests.conftest import Checkout
from tests.faults.kinds import DAMAGES, ENDINGS, PLACES, Kind
from tests.faults.places import BY_ROWS, run_by_rows
from tests.faults.scene import OVERLAY, CannotError, Scene

PUBLISHED = REPOSITORY / "results" / "published"
JUDGED = ("recovered", "equal", "message_ok")
NOT_RUN = {"moment": "not run", **dict.fromkeys(JUDGED), "seconds": 0.0, "commit": None}
Told = dict[str, str | bool | float | None]


def main() -> None:
    """Work through all disturbances that are not done yet, then publish."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path, help="default: /tmp/mtnas-faults-SEED")
    parser.add_argument("--damages", type=int, default=34, help="how many of the files' are drawn")
    parser.add_argument("--at-once", type=int, default=2, help="disturbances, a core each")
    parser.add_argument("--minutes", type=float, default=60, help="after them none is begun")
    parser.add_argument("--only", default="", help="a pattern of names; nothing is published then")
    asked = parser.parse_args()
    folder: Path = asked.folder or Path(f"/tmp/mtnas-faults-{asked.seed}")
    finished, log = undisturbed(folder), folder / "told.jsonl"
    names = dict(drawn(asked.seed, asked.damages))
    done = read_told(log)
    waiting = [(n, k) for n, k in names.items() if n not in done and re.search(asked.only, n)]
    published = campaigns.ran(PUBLISHED)
    waiting.sort(key=lambda named: named[1].name in published)
    end = time.monotonic() + 60 * asked.minutes

    def work(task: tuple[str, Kind]) -> None:
        name, kind = task
        if time.monotonic() < end:
            told = disturbed(name, kind, finished, folder, asked.seed)
            with log.open("a", encoding="utf-8") as file:
                file.write(json.dumps({"name": name, **told}) + "\n")
            print(json.dumps({"name": name, **told}), flush=True)

    with ThreadPoolExecutor(asked.at_once) as pool:
        list(pool.map(work, waiting))
    if not asked.only:
        sys.exit(publish(read_told(log), names))


def drawn(seed: int, damages: int) -> Iterator[tuple[str, Kind]]:
    """Yield every disturbance under a name of its own, in an order that is drawn."""
    die = random.Random(seed)
    kinds = [*ENDINGS, *PLACES, *die.sample(DAMAGES, damages)]
    named = [(f"{kind.name} {number}", kind) for kind in kinds for number in range(kind.times)]
    yield from die.sample(named, len(named))


def undisturbed(folder: Path) -> Checkout:
    """Return a checkout in which the study ran, and was published, without a disturbance."""
    finished, mark = Checkout(folder / "finished"), folder / "finished.done"
    if not mark.exists():
        shutil.rmtree(finished.folder, ignore_errors=True)
        Checkout.new(finished.folder)
        shutil.copy(Path(__file__).with_name("study.yaml"), finished.folder / OVERLAY)
        scene = Scene(finished, finished, random.Random(0))
        for targets in ((), ("publish",)):
            printed = scene.run(*targets)
            assert printed.status == 0, printed.text
        (finished.folder / BY_ROWS).write_bytes(run_by_rows(scene))
        mark.write_text(str(git_state()["commit"]), encoding="utf-8")
    return finished


def disturbed(name: str, kind: Kind, finished: Checkout, folder: Path, seed: int) -> Told:
    """Disturb a copy of the study, recover it, compare; keep it only if something is wrong."""
    place = folder / "".join(c if c.isalnum() else "_" for c in name)
    for old in folder.glob(f"{place.name}*"):
        shutil.rmtree(old) if old.is_dir() else old.unlink()
    scene = Scene(finished, Checkout(place), random.Random(f"{seed} {name}"))
    began, told = time.monotonic(), Told()
    try:
        moment, message_ok = kind.disturb(scene)
        recovered = scene.recover()
        told = {"moment": moment, "recovered": recovered, "equal": scene.is_equal()}
        told["message_ok"] = message_ok
    except CannotError as lacking:
        told = {"moment": str(lacking), "recovered": None, "equal": None, "message_ok": None}
    except Exception:
        told = {
            "moment": traceback.format_exc(),
            "recovered": False,
            "equal": False,
            "message_ok": False,
        }
    seconds = round(time.monotonic() - began, 1)
    if all(told[key] is not False for key in JUDGED):
        for old in folder.glob(f"{place.name}*"):
            shutil.rmtree(old) if old.is_dir() else old.unlink()
    else:
        text = "\n=====\n".join(f"{one.status}\n{one.text}" for one in scene.printed)
        (folder / f"{place.name}.printed").write_text(text, encoding="utf-8")
    commit = (folder / "finished.done").read_text(encoding="utf-8")
    return {"kind": kind.name, **told, "seconds": seconds, "commit": commit}


def read_told(log: Path) -> dict[str, Told]:
    """Return what is known of every disturbance that was done, by its name."""
    lines = log.read_text(encoding="utf-8").splitlines() if log.exists() else []
    return {one.pop("name"): one for one in map(json.loads, lines)}


def publish(done: dict[str, Told], kinds: Mapping[str, Kind]) -> int:
    """Publish what was done, and what was not; return the exit status."""
    told = [done.get(name) or {"kind": kinds[name].name, **NOT_RUN} for name in sorted(kinds)]
    with changing(PUBLISHED) as copy:
        write_json(copy / campaigns.FAULTS, told)
    if lacking := [name for name in kinds if name not in done]:
        print(f"{len(lacking)} of {len(kinds)} are left: run it again to go on", file=sys.stderr)
    return bool(lacking) or any(one[key] is False for one in told for key in JUDGED)


if __name__ == "__main__":
    main()
