"""What `mtnas run` shows instead of Snakemake's own lines (`snakemake --logger mtnas`).

On a terminal one line tells how far the workflow is; elsewhere each finished job is a line. What
went wrong comes last. Snakemake finds this package by its name, and imports it whenever it starts:
before a checkout says which `mtnas` its rules mean, so nothing of `mtnas` may be imported here.
"""

import re
import sys
import threading
import time
from logging import WARNING, LogRecord

from snakemake_interface_logger_plugins.base import LogHandlerBase
from snakemake_interface_logger_plugins.common import LogEvent

from snakemake_logger_plugin_mtnas.progress import Job, Progress, failure
from snakemake_logger_plugin_mtnas.screen import Screen

SECONDS = 1.0  # between two looks at the clock
_SHOWN = ("Nothing to be done",)  # of what Snakemake says without an event
_OF_FAILED_JOBS = ("RuleException", "At least one job did not", "Exiting because a job")
_WHERE = re.compile(r"\w+(Error|Exception)( in file .*)?:|  File .*")


class LogHandler(LogHandlerBase):
    """Follows the events of one workflow; Snakemake calls it in a thread of its own."""

    writes_to_stream = True
    writes_to_file = False
    has_filter = True
    has_formatter = True
    needs_rulegraph = False

    def __post_init__(self) -> None:
        """Start to draw, once a second, where there is a terminal."""
        self.progress, self.screen = Progress(), Screen(sys.stderr)
        self.errors: list[str] = []
        self.over = threading.Event()
        if self.screen.is_terminal:
            threading.Thread(target=self._draw_often, daemon=True).start()

    def emit(self, record: LogRecord) -> None:
        """Note an event, and show what it changes."""
        match getattr(record, "event", None):
            case LogEvent.RUN_INFO:
                self.progress.plan(record.stats)  # type: ignore[attr-defined]
            case LogEvent.JOB_INFO:
                self._start(record)
            case LogEvent.JOB_FINISHED:
                self.progress.finish(record.job_id, record.created)  # type: ignore[attr-defined]
                self.screen.status(self.progress.text(record.created), lasting=True)
            case LogEvent.JOB_ERROR:
                self.progress.fail(record.jobid, record.log)  # type: ignore[attr-defined]
            case LogEvent.ERROR:
                self._fail(record.getMessage())
            case None:
                self._say(record)

    def _start(self, record: LogRecord) -> None:
        told = vars(record)
        title = told["rule_msg"] or " ".join([told["rule_name"], *told["wildcards"].values()])
        job = Job(told["rule_name"], title, tuple(told["log"]), record.created)
        self.progress.start(told["jobid"], job)
        self.screen.status(self.progress.text(record.created))

    def _fail(self, message: str) -> None:
        """Keep what Snakemake refuses, without the places in rules where it was noticed."""
        lines = [line for line in message.splitlines() if not _WHERE.fullmatch(line)]
        if not any(line.startswith(_OF_FAILED_JOBS) for line in message.splitlines()):
            self.errors.append("\n".join(lines).strip() or message)

    def _say(self, record: LogRecord) -> None:
        """Show what is not an event: warnings, and what the workflow says of itself."""
        text = record.getMessage()
        if text.startswith(_OF_FAILED_JOBS):
            return
        if record.levelno >= WARNING or hasattr(record, "shown") or text.startswith(_SHOWN):
            self.screen.line(text)

    def _draw_often(self) -> None:
        while not self.over.wait(SECONDS):
            if self.progress.running:
                self.screen.status(self.progress.text(time.time()))

    def close(self) -> None:
        """Say what went wrong, as the last lines."""
        self.over.set()
        self.screen.clear()
        for job in self.progress.failed:
            self.screen.line(failure(job))
        for message in self.errors:
            self.screen.line(message)
        self.errors, self.progress.failed = [], []
        super().close()
