"""What every job script calls first: it sets up logging, threads and the report of errors.

Only this module and `experiments.job` know the object that Snakemake hands to a script; neither
imports Snakemake.
"""

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mtnas.runtime import signals
from mtnas.runtime.errors import MtnasError, StoppedError, of_machine, printable
from mtnas.runtime.provenance import PACKAGE

QUIET = "MTNAS_QUIET"  # set in the environment: jobs write to their logs alone
_THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


@contextmanager
def job(snakemake: Any) -> Iterator[Any]:
    """Open the log of a job, set threads and number formats, and report an error exactly once.

    An error that the library raises on purpose, or one of disk or memory, becomes one line; any
    other becomes a traceback. Both go to the log file, which Snakemake shows when a job fails
    (`show-failed-logs` in the profile). A job that receives a signal to end says so, keeps its
    checkpoint (`mtnas.runtime.signals`) and removes its temporary files.
    """
    with signals.heard(), _reported(snakemake):
        yield snakemake


@contextmanager
def _reported(snakemake: Any) -> Iterator[None]:
    _set_up_numerics(int(snakemake.threads))
    handlers = _file_handlers(snakemake.log)
    if not (handlers and os.environ.get(QUIET)):
        handlers.append(_terminal_handler(_name(snakemake)))
    root, ours = logging.getLogger(), logging.getLogger("mtnas")
    ours.setLevel(logging.INFO)  # other libraries stay at WARNING
    logging.captureWarnings(True)
    for handler in handlers:
        root.addHandler(handler)
    log = logging.getLogger("mtnas.job")
    try:
        yield
    except StoppedError as stopped:
        log.error("%s", printable(str(stopped)), extra={"report": True})
        raise SystemExit(signals.STATUS) from None
    except MtnasError as error:
        log.error("%s: %s", type(error).__name__, printable(str(error)), extra={"report": True})
        raise SystemExit(1) from None
    except Exception as error:
        if told := of_machine(error):
            log.error("%s", printable(told), extra={"report": True})
            raise SystemExit(1) from None
        log.exception("this job failed for a reason mtnas does not know", extra={"report": True})
        raise SystemExit(1) from None
    finally:
        for handler in handlers:
            root.removeHandler(handler)
            handler.close()
        logging.captureWarnings(False)


def use_this_checkout() -> None:
    """Make the jobs of a workflow import this checkout and use the programs of this Python.

    So `.venv/bin/snakemake` works without activating .venv, and a copy of the repository runs its
    own code even if another copy is installed.
    """
    for variable, folder in (("PYTHONPATH", PACKAGE.parent), ("PATH", Path(sys.executable).parent)):
        parts = os.environ.get(variable, "").split(os.pathsep)
        if str(folder) != parts[0]:
            os.environ[variable] = os.pathsep.join([str(folder), *filter(None, parts)])


def _name(snakemake: Any) -> str:
    """Return the rule and its wildcards, such as `train insteval/mmoe/paper`."""
    return " ".join([str(snakemake.rule), "/".join(map(str, snakemake.wildcards))]).strip()


def _file_handlers(log: Any) -> list[logging.Handler]:
    """Return a handler for the rule's log file, if it has one; an old file is overwritten."""
    if not log:
        return []
    path = Path(str(log[0]))
    path.parent.mkdir(parents=True, exist_ok=True)
    handler = logging.FileHandler(path, mode="w", encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    return [handler]


def _terminal_handler(name: str) -> logging.Handler:
    """Return a handler that prints progress on the terminal, with the job's name in every line."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter(f"[{name}] %(message)s"))
    handler.addFilter(lambda record: not getattr(record, "report", False))
    return handler


def _set_up_numerics(threads: int) -> None:
    """Limit numeric libraries to the threads of the rule; set up torch only if the job uses it.

    Weight decay shrinks float32 weights that nothing uses below 1e-38, and a CPU multiplies such
    numbers a hundred times slower; so they are treated as zero. A new thread inherits this setting,
    so it is made before torch starts any.
    """
    for variable in _THREAD_VARIABLES:
        os.environ[variable] = str(threads)
    torch = sys.modules.get("torch")
    if torch is not None:
        torch.set_flush_denormal(True)
        torch.set_num_threads(threads)
