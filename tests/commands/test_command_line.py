"""`mtnas` itself: what help shows, what is refused, what the document says."""

import re
import subprocess
import sys

import pytest

from mtnas import commands
from mtnas.__main__ import main
from mtnas.commands import _reference
from mtnas.runtime.provenance import REPOSITORY


def test_help_has_every_command_once_under_a_heading(capsys):
    assert main_exits([]) == 0
    shown = capsys.readouterr().out
    for group, own in commands.grouped().items():
        assert f"\n{group}:\n" in shown
        for name, module in own.items():
            assert shown.count(f"\n  {name:<10} {commands.summary(module)}") == 1
    assert "\nexamples:\n" in shown


@pytest.mark.parametrize("name", commands.names())
def test_every_help_has_an_example(name, capsys):
    assert main_exits([name, "--help"]) == 0
    assert re.search(f"\n +mtnas {name}", capsys.readouterr().out)


def main_exits(arguments):
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    return caught.value.code


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["diagnos"], "unknown command 'diagnos' (did you mean 'diagnose'?)"),
        (["diagnose"], "mtnas diagnose: the following arguments are required: DATASET"),
        (["verify", "--all"], "mtnas: unrecognized arguments: --all"),
        (["explain", "x", "--seed", "one"], "argument --seed: invalid int value: 'one'"),
    ],
)
def test_what_is_refused_is_one_line(arguments, message, capsys):
    assert main(arguments) == 1
    printed = capsys.readouterr()
    assert message in printed.err and printed.err.startswith("ConfigError: ")
    assert printed.err.count("\n") == 1 and printed.out == ""


def test_the_document_is_what_the_commands_say():
    written = (REPOSITORY / _reference.DOCUMENT).read_text(encoding="utf-8")
    assert written == _reference.text(), "run `python -m mtnas readme`"
    for name in commands.names():
        assert f"\n### mtnas {name}\n" in written


def test_help_does_not_wait_for_torch_or_pandas():
    code = (
        "import sys, mtnas.__main__ as m; m.parser(); print({'torch', 'pandas'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
