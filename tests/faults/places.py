"""What is odd around a run: disks, memory, clocks, paths, users, other runs, edited code."""

import os
import re
import resource
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path

from tests.conftest import Checkout
from tests.faults.damage import Damage
from tests.faults.scene import STUDY, CannotError, Printed, Scene, clean_environment, small_disk

NOBODY = 65534
REFUSED = re.compile(
    r"No space left|File too large|Permission denied|Read-only file system|Cannot allocate memory"
    r"|cannot be written|not writable"
)
Told = tuple[str, bool]


def _is_told(printed: Printed) -> bool:
    """Whether a run ended well, or says in a line what the machine refuses."""
    return printed.status == 0 or bool(REFUSED.search(printed.text))


def full_disk(scene: Scene) -> Told:
    """Run on a disk that is too small, then make room."""
    scene.begin(anew=True)
    size = scene.drawn.choice([100, 300, 600, 1000, 1500, 2000, 3000, 5000])
    with small_disk(scene.results, f"{size}k") as make_room:
        printed = scene.run()
        make_room()
        recovered = scene.go_on()
        kept = scene.results.with_name("kept")
        shutil.copytree(scene.results, kept)
    scene.results.rmdir()
    kept.rename(scene.results)
    return f"a disk of {size} KB", printed.is_clear and _is_told(printed) and recovered


def limited(what: int, name: str, smallest: int, largest: int) -> Callable[[Scene], Told]:
    """Run with a limit of the system on every process."""

    def disturb(scene: Scene) -> Told:
        scene.begin()
        limit = scene.drawn.randrange(smallest, largest)
        printed = scene.run(before=lambda: resource.setrlimit(what, (limit, limit)))
        return f"{name} of {limit:,} bytes", printed.is_clear and _is_told(printed)

    return disturb


# Another user, who may read what root may: Python itself may lie in root's home.
AS_NOBODY = (
    *("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"),
    *("--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"),
)


def _check_root() -> None:
    if os.geteuid() or not shutil.which(AS_NOBODY[0]):
        raise CannotError("only root can become somebody else, with setpriv")


def _give(folder: Path, user: int) -> None:
    for path in (folder, *folder.rglob("*")):
        os.chown(path, user, user, follow_symlinks=False)


def read_only(scene: Scene) -> Told:
    """Run as a user who may not write the results, then let him."""
    _check_root()
    scene.begin()
    place = scene.checkout.folder / "home"
    place.mkdir()
    _give(scene.checkout.folder, NOBODY)
    scene.results.mkdir(exist_ok=True)
    _give(scene.results, 0)
    scene.results.chmod(0o755)
    environment = {**clean_environment(), "HOME": str(place)}
    printed = scene.run(command=AS_NOBODY, environment=environment)
    _give(scene.results, NOBODY)
    again = scene.run(command=AS_NOBODY, environment=environment)
    _give(scene.checkout.folder, 0)
    return "results not writable", printed.is_clear and _is_told(printed) and again.status == 0


def another_user(scene: Scene) -> Told:
    """Run as another user, who has no home."""
    _check_root()
    scene.begin()
    _give(scene.checkout.folder, NOBODY)
    environment = {k: v for k, v in clean_environment().items() if k not in ("HOME", "USER")}
    environment["XDG_CACHE_HOME"] = str(scene.checkout.folder / "cache")
    printed = scene.run(command=AS_NOBODY, environment=environment)
    _give(scene.checkout.folder, 0)
    return "no HOME", printed.is_clear and printed.status == 0


def two_at_once(scene: Scene) -> Told:
    """Start a second run in the same folder: it is refused, the first goes on."""
    scene.begin()
    first = scene.start()
    moment = first.moment()
    going = first.process.poll() is None
    second = scene.run()
    printed = first.ended()
    refused = "LockException" in second.text or "cannot be locked" in second.text
    return moment, printed.status == 0 and printed.is_clear and (refused or not going)


def clock(days: float) -> Callable[[Scene], Told]:
    """Let some files be as old as another clock says."""

    def disturb(scene: Scene) -> Told:
        scene.copy()
        files = [path for path in scene.results.rglob("*") if path.is_file()]
        chosen = scene.drawn.sample(files, scene.drawn.randint(1, len(files)))
        for path in chosen:
            os.utime(path, (time.time() + 86400 * days,) * 2)
        printed = scene.run()
        if refused := printed.status != 0 and "older modification time" in printed.text:
            for path in scene.results.rglob("*"):
                if path.stat().st_mtime > time.time():
                    os.utime(path)  # as docs/testing.md says
        told = f"{len(chosen)} of {len(files)} files, {days:+.0f} days"
        return told, printed.is_clear and (printed.status == 0 or refused)

    return disturb


def moved(name: str) -> Callable[[Scene], Told]:
    """Move a study that is half done to another path, and go on there."""

    def disturb(scene: Scene) -> Told:
        scene.begin()
        running = scene.start()
        moment = running.moment()
        running.send(signal.SIGTERM)
        clear = running.ended().is_clear
        place = scene.checkout.folder.with_name(f"{scene.checkout.folder.name}{name}")
        scene.checkout.folder.rename(place)
        scene.checkout = Checkout(place)
        return moment, clear

    return disturb


def linked(scene: Scene) -> Told:
    """Let the results be a link to a folder elsewhere."""
    scene.begin()
    elsewhere = scene.checkout.folder.with_name(f"{scene.checkout.folder.name}.elsewhere")
    scene.results.mkdir(exist_ok=True)
    shutil.move(scene.results, elsewhere)
    scene.results.symlink_to(elsewhere)
    printed = scene.run()
    return "results is a link", printed.is_clear and printed.status == 0


def edited(scene: Scene) -> Told:
    """Edit words of the code while it runs: comments move no number."""
    scene.begin()
    running = scene.start()
    moment = running.moment()
    files = sorted((scene.checkout.folder / "src").rglob("*.py"))
    for path in scene.drawn.sample(files, 20):
        path.write_text(f"{path.read_text(encoding='utf-8')}# edited\n", encoding="utf-8")
    printed = running.ended()
    return f"{moment}, 20 files", printed.is_clear and printed.status == 0


def run_by_rows(scene: Scene) -> bytes:
    """Train on small batches, whose kernels numba compiles, beside the study; return the scores."""
    (scene.checkout.folder / "config/rows.yaml").write_text(ROWS, encoding="utf-8")
    folder = scene.results / "runs/insteval/mmoe/rows"
    target = f"results/{(folder / 'metrics.csv').relative_to(scene.results)}"
    scene.run(target, *STUDY, "config/rows.yaml")
    scores = (folder / "metrics.csv").read_bytes()
    shutil.rmtree(folder)
    return scores


def kernels(damage: Damage) -> Callable[[Scene], Told]:
    """Damage what numba compiled for a run on small batches, and run it again."""

    def disturb(scene: Scene) -> Told:
        scene.copy()
        files = sorted((scene.checkout.folder / "src").rglob("*.nb[ci]"))
        for path in files:
            damage(path, scene.drawn)
        same = run_by_rows(scene) == (scene.finished.folder / BY_ROWS).read_bytes()
        clear = all(printed.is_clear for printed in scene.printed)
        return f"{len(files)} files of compiled kernels", bool(files) and same and clear

    return disturb


def forgotten(scene: Scene) -> Told:
    """Lose Snakemake's memory of what it made, and some results."""
    scene.copy()
    shutil.rmtree(scene.checkout.folder / ".snakemake")
    gone = scene.drawn.sample(MADE_FOLDERS, 2)
    for name in gone:
        shutil.rmtree(scene.results / name)
    return f".snakemake, {' and '.join(gone)} gone", True


BY_ROWS = "by_rows.csv"  # the scores of that run without a disturbance
ROWS = """\
variants: {mmoe: {rows: {training: {batch_size: 16, epochs: 1}}}}
experiments: {main: {variants: {mmoe: [rows]}}}
"""
MADE_FOLDERS = ["routes", "runs/insteval/mmoe", "tables", "figures", "claims", "data/insteval"]
