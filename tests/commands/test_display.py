"""What `mtnas run` shows of the events of Snakemake."""

import io
import logging
import subprocess
import sys

import pytest
from snakemake_interface_logger_plugins.common import LogEvent as Event

import snakemake_logger_plugin_mtnas as display


class Terminal(io.StringIO):
    def isatty(self):
        return True


def handler(monkeypatch, stream):
    monkeypatch.setattr(display.sys, "stderr", stream)
    monkeypatch.setattr(display, "SECONDS", 3600.0)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "60")
    return display.LogHandler(None, None)


@pytest.fixture
def shown():
    return io.StringIO()


@pytest.fixture
def events(monkeypatch, shown):
    made = handler(monkeypatch, shown)
    yield lambda *told, **more: made.emit(record(*told, **more))
    made.close()


def record(message="", level=logging.INFO, at=0.0, **more):
    made = logging.LogRecord("snakemake", level, "", 0, message, None, None)
    made.created = at
    vars(made).update(more)
    return made


def started(number, title="Training mmoe (paper) on toys", at=0.0, log=()):
    told = {"jobid": number, "rule_name": "train", "rule_msg": title, "wildcards": {}, "log": log}
    return record(event=Event.JOB_INFO, at=at, reason="Missing output files: " * 50, **told)


def test_elsewhere_than_on_a_terminal_a_finished_job_is_a_line(monkeypatch, shown):
    made = handler(monkeypatch, shown)
    made.emit(record(event=Event.RUN_INFO, stats={"train": 2, "total": 2}))
    made.emit(started(1))
    made.emit(started(2, "Training ple (paper) on toys"))
    made.emit(record(event=Event.JOB_FINISHED, job_id=1, at=30.0))
    made.emit(record("Select jobs to execute..."))
    made.emit(record("open results/report.html", shown=True))
    made.close()
    assert shown.getvalue() == (
        "1 of 2 jobs done, about 0 s left: Training ple (paper) on toys (30 s)\n"
        "open results/report.html\n"
    )


def test_on_a_terminal_one_line_changes_and_is_gone_at_the_end(monkeypatch):
    terminal = Terminal()
    made = handler(monkeypatch, terminal)
    made.emit(record(event=Event.RUN_INFO, stats={"train": 2, "total": 2}))
    made.emit(started(1, "Training " + "m" * 99))
    assert "\n" not in terminal.getvalue()
    assert max(map(len, terminal.getvalue().replace("\033[K", "").split("\r"))) == 59
    made.close()
    assert terminal.getvalue().endswith("\r\033[K") and made.over.is_set()


def test_a_failed_job_is_the_last_line(monkeypatch, shown, tmp_path):
    log = tmp_path / "a.log"
    log.write_text("2026-11-30 13:32:31,910 ERROR DataError: no rows\n")
    made = handler(monkeypatch, shown)
    made.emit(started(1, log=[str(log)]))
    made.emit(
        record("Error in rule train", logging.ERROR, event=Event.JOB_ERROR, jobid=1, log=[str(log)])
    )
    made.emit(
        record("RuleException:\nCalledProcessError in file", logging.ERROR, event=Event.ERROR)
    )
    made.emit(record("Exiting because a job execution failed. Look above", logging.ERROR))
    made.emit(
        record(
            "WorkflowError:\nAt least one job did not complete", logging.ERROR, event=Event.ERROR
        )
    )
    made.close()
    made.close()  # Snakemake may do so twice
    assert shown.getvalue() == (
        f"Training mmoe (paper) on toys failed: DataError: no rows (its log: {log})\n"
    )  # fmt: skip


def test_what_snakemake_refuses_comes_without_the_places_in_rules(monkeypatch, shown):
    made = handler(monkeypatch, shown)
    message = (
        'WorkflowError in file "/a/common.smk", line 42:\n--config: unknown key\n'
        '  File "/a/common.smk", line 42, in <module>'
    )
    made.emit(record(message, logging.ERROR, event=Event.ERROR))
    made.emit(
        record("MissingRuleException:\nNo rule to produce x.md", logging.ERROR, event=Event.ERROR)
    )
    made.emit(record("a warning", logging.WARNING))
    made.close()
    assert shown.getvalue() == "a warning\n--config: unknown key\nNo rule to produce x.md\n"


def test_it_does_not_import_the_package_that_a_checkout_has_yet_to_choose():
    code = "import sys, snakemake_logger_plugin_mtnas; print('mtnas' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_snakemake_finds_it_by_its_name():
    from snakemake_interface_logger_plugins.registry import LoggerPluginRegistry

    assert LoggerPluginRegistry().get_plugin("mtnas").log_handler is display.LogHandler
