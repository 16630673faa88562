"""What is disturbed, by name: every ending, every odd place, every damage to every file."""

import resource
import signal
from collections.abc import Callable
from dataclasses import dataclass

from tests.faults import damage, endings, places
from tests.faults.scene import Scene

TERM, INT, HUP = signal.SIGTERM, signal.SIGINT, signal.SIGHUP
KILL, USR1 = signal.SIGKILL, signal.SIGUSR1


@dataclass(frozen=True)
class Kind:
    """One disturbance: it returns its moment, and whether what was printed is clear.

    It is done so many times, each at a moment of its own.
    """

    name: str
    disturb: Callable[[Scene], tuple[str, bool]]
    times: int = 1


ENDINGS = [
    Kind("KILL of all processes", endings.of_all(KILL), 2),
    Kind("TERM of all processes", endings.of_all(TERM)),
    Kind("INT of all processes", endings.of_all(INT)),
    Kind("INT of all processes, twice", endings.of_all(INT, INT)),
    Kind("HUP of all processes", endings.of_all(HUP)),
    Kind("USR1 of all processes", endings.of_all(USR1)),
    Kind("KILL of Snakemake", endings.of_snakemake(KILL)),
    Kind("KILL of a job", endings.of_job(KILL)),
    Kind("TERM of a job", endings.of_job(TERM)),
    Kind("USR1 of a job", endings.of_job(USR1)),
    Kind("KILL of a SLURM job", endings.of_slurm_job),
    Kind("a checkpoint, one bit", endings.of_checkpoint(damage.bit)),
    Kind("a checkpoint, cut", endings.of_checkpoint(damage.cut)),
    Kind("KILL of publish", endings.of_publishing("publish"), 2),
    Kind("KILL of rebuild", endings.of_publishing("rebuild")),
]
PLACES = [
    Kind("full disk", places.full_disk, 2),
    Kind(
        "size of files limited",
        places.limited(resource.RLIMIT_FSIZE, "files", 30_000, 900_000),
    ),
    Kind("address space limited", places.limited(resource.RLIMIT_AS, "memory", 2 << 30, 6 << 30)),
    Kind("results not writable", places.read_only),
    Kind("another user without home", places.another_user),
    Kind("two Snakemakes in one folder", places.two_at_once),
    Kind("clock ahead", places.clock(+400)),
    Kind("clock back", places.clock(-4000)),
    Kind("moved to a path with blanks", places.moved(" ein Ordner, übrig & $x 'y'")),
    Kind("results is a link", places.linked),
    Kind("code edited meanwhile", places.edited),
    Kind("compiled kernels, zeros", places.kernels(damage.zeros)),
    Kind("compiled kernels, cut", places.kernels(damage.cut)),
    Kind("compiled kernels, one bit", places.kernels(damage.bit)),
    Kind("Snakemake's memory lost", places.forgotten),
]
DAMAGES = [
    Kind(f"{how}: {file}", damage.of_file(file, change))
    for file, hows in damage.FILES.items()
    for how, change in hows.items()
]
