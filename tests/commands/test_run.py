"""`mtnas run`: what becomes of its words, and what Snakemake is given."""

import argparse
import os
import subprocess
import sys

import pytest

from mtnas.__main__ import main
from mtnas.commands import run
from mtnas.runtime.errors import ConfigError
from mtnas.runtime.job import QUIET
from mtnas.runtime.provenance import REPOSITORY
from mtnas.study.command_line import Words, is_plain, says_cores, sorted_out

TEST = str(REPOSITORY / "config/test.yaml")


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("", Words()),
        ("a.yaml b.yml --cores 4", Words(["a.yaml", "b.yml"], [], ["--cores", "4"])),
        ("--cores 4 a.yaml", Words(["a.yaml"], [], ["--cores", "4"])),
        ("publish a.yaml -n", Words(["a.yaml"], ["publish"], ["-n"])),
        # Snakemake takes a target behind --configfile for one more file.
        ("--configfile a.yaml publish", Words(["a.yaml"], ["publish"], [])),
        ("--config seeds=3 x=d publish", Words([], ["publish"], ["--config", "seeds=3", "x=d"])),
        ("--config x_raw=/d/y.yaml seeds=3 b.yaml a.md",
         Words(["b.yaml"], ["a.md"], ["--config", "x_raw=/d/y.yaml", "seeds=3"])),
        ("--cores 2 -- results/a.md", Words([], ["results/a.md"], ["--cores", "2"])),
        ("--configfile=a.yaml -R train", Words(["a.yaml"], [], ["-R", "train"])),
    ],
)  # fmt: skip
def test_words_are_told_apart_in_any_order(words, expected):
    assert sorted_out(words.split()) == expected


def test_no_target_stands_behind_the_overlays():
    words = Words(["a.yaml"], ["publish"], ["--cores", "2"])
    assert words.arguments() == ["publish", "--cores", "2", "--configfile", "a.yaml"]
    assert Words().arguments() == []


@pytest.mark.parametrize(
    "words", ["x.md a.yaml --cores 1", "a.yaml --cores 1 x.md", "a.yaml -- x.md"]
)
def test_snakemake_itself_understands_them(words):
    from snakemake.cli import get_argument_parser

    parsed = get_argument_parser().parse_args(
        ["--cores", "1", *sorted_out(words.split()).arguments()]
    )
    assert parsed.targets == {"x.md"} or list(parsed.targets) == ["x.md"]
    assert list(map(str, parsed.configfile)) == ["a.yaml"]


@pytest.mark.parametrize("option", ["-n", "-np", "--dry-run", "--dryrun", "--lint", "--unlock"])
def test_where_nothing_runs_snakemake_speaks_itself(option):
    assert is_plain([option]) and not is_plain(["--cores", "2", "--rerun-incomplete"])


@pytest.mark.parametrize("option", ["--cores=2", "-c2", "-j", "--workflow-profile", "-e", "--jobs"])
def test_cores_are_not_chosen_where_they_are_given(option):
    assert says_cores([option]) and not says_cores(["--config", "-n", "--forceall"])


@pytest.fixture
def became(monkeypatch):
    """Note what this process would become."""
    noted = []
    monkeypatch.setattr(run.os, "execv", lambda program, command: noted.append((program, command)))
    for name in (QUIET, "PATH", "PYTHONPATH"):
        monkeypatch.setenv(name, os.environ.get(name, ""))
    return noted


def test_it_becomes_snakemake_with_the_quiet_display(became):
    assert main(["run", TEST, "--config", "seeds=3"]) == 0
    ((program, command),) = became
    assert program == sys.executable
    start = str(REPOSITORY / "workflow/start.py")
    snakefile = [start, "--snakefile", str(REPOSITORY / "Snakefile")]
    options = ["--cores", "all", "--logger", "mtnas", "--config", "seeds=3"]
    assert command[1:] == [*snakefile, *options, "--configfile", TEST]
    assert os.environ[QUIET] == "1"


def test_a_target_is_no_value_of_an_option_of_ours(became):
    main(["run", "publish", TEST])
    ((_, command),) = became
    assert command[4:] == [
        "publish", "--cores", "all", "--logger", "mtnas", "--configfile", TEST
    ]  # fmt: skip


# What is typed: the exit status and the last line.
TYPED = {
    "an option": ("--nonsense", 2, "ConfigError: unrecognized arguments: --nonsense; see mtnas"),
    "a key": ("--config seedz=3 -n", 1, "ConfigError: --config: unknown key 'seedz' (did you mean"),
    "no key": ("--config seeds=x -n", 1, "ConfigError: --config: seeds: "),
    "a target": ("nonsense -n", 1, "ConfigError: nonsense: no rule and no file that this study"),
    "a target, run": ("nonsense --cores 1", 1, "ConfigError: nonsense: no rule and no file that"),
}


@pytest.mark.parametrize("case", TYPED)
def test_what_is_mistyped_ends_with_one_line_and_where_help_is(case):
    words, status, line = TYPED[case]
    command = [sys.executable, "-m", "mtnas", "run", TEST, *words.split()]
    both = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    done = subprocess.run(command, cwd=REPOSITORY, **both, text=True, check=False)
    *before, last = done.stdout.splitlines()
    assert (done.returncode, last[: len(line)]) == (status, line)
    assert last.endswith("; see mtnas run --help")
    assert len(before) < 6 and not any("usage:" in text or "Error" in text for text in before)


def test_a_dry_run_is_snakemakes_own(became):
    main(["run", "-n", "--cores", "1"])
    ((_, command),) = became
    assert "--logger" not in command and command[-3:] == ["-n", "--cores", "1"]
    assert os.environ[QUIET] == ""


def test_a_mistyped_overlay_is_one_line(became, capsys, monkeypatch):
    monkeypatch.chdir(REPOSITORY)
    assert main(["run", "config/tests.yaml"]) == 1
    assert "no such file (did you mean config/test.yaml?)" in capsys.readouterr().err
    assert not became


def test_a_wrong_key_is_refused_in_one_line_before_snakemake_starts(tmp_path, capsys, monkeypatch):
    started = []
    monkeypatch.setattr(os, "execv", lambda *command: started.append(command))
    monkeypatch.setenv(QUIET, "0")  # which `run` sets; so it is taken back
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text("seedz: 3\n", encoding="utf-8")
    with pytest.raises(
        ConfigError, match=r"wrong.yaml: unknown key 'seedz' \(did you mean 'seeds'"
    ):
        run.run(argparse.Namespace(words=[str(wrong), "-n"]))
    wrong.write_text("datasets: [rated]\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="unknown dataset 'rated'"):
        run.run(argparse.Namespace(words=[str(wrong)]))
    assert not started
    run.run(argparse.Namespace(words=[str(wrong), "--config", 'datasets=["insteval"]']))
    assert len(started) == 1  # what is given on the command line may mend it
