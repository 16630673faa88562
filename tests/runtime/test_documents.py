"""YAML that is hostile, or only odd: a value, or one line with the file and the line in it."""

import os
from pathlib import Path

import pytest

from mtnas.runtime.documents import LARGEST, read_document
from mtnas.runtime.errors import ConfigError

BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{new}: &{new} [{', '.join([f'*{old}'] * 9)}]\n"
    for old, new in zip("abcdefgh", "bcdefghi", strict=True)
)
REFUSED = {
    "a doubled key": (
        "seeds: 3\nb: 1\nseeds: 5",
        "line 3: the key 'seeds' occurs twice, .*line 1$",
    ),
    "a doubled key of JSON": ('{"a": 1,\n\t"a": 2}', "line 2: the key 'a' occurs twice, .*line 1$"),
    "a doubled key, deep": ("x: {a: 1, 'a': 2}", "line 1: the key 'a' occurs twice"),
    "a key that is no text": ("a:\n  1: b", "line 2: the key 1 is no text"),
    "a key that is a list": ("? [a]\n: b", "the key given is no text"),
    "an impossible date": ("missing: [0000-00-00]", "line 1: 0000-00-00 is no value; put text in"),
    "an impossible time": ("a: 2024-01-01 99:00:00", "is no value"),
    "a tag": ("a: !!bool x", "line 1: x is no value"),
    "a tag of Python": ("a: !!python/object:os.system x", "not YAML: could not determine"),
    "a wrong tag": ("a: !!int x", "x is no value"),
    "no binary": ("a: !!binary é", "."),
    "many digits": ("a: 1\nb: " + "9" * 5000, "line 2: 9{30} ... 9{30} is no value"),
    "many hexadecimal digits": ("a: 0x" + "f" * 5000, "is beyond 9223372036854775807"),
    "more than 64 bits": ("a: 9223372036854775808", "is beyond 9223372036854775807"),
    "beyond all floats": ("a: 1.0e+400", r"1.0e\+400 is no finite number"),
    "no number": ("a: .nan", ".nan is no finite number"),
    "infinity": ("a: [1, -.inf]", "-.inf is no finite number"),
    "half a character": ('a: "\\ud800"', "half a character"),
    "a character beyond all": ('a: "\\U00110000"', "an escape in double quotes is no"),
    "a text without end": ("a: " + "x" * 20_000, "a text of 20000 characters, at most 10000"),
    "a bomb of aliases": (BOMB, "line 6: more than 100000 values, aliases written out"),
    "itself": ("a: &a [1, *a]", "line 1: a value that holds itself"),
    "itself, a mapping": ("a: &a {b: *a}", "a value that holds itself"),
    "nested lists": ("a: " + "[" * 5000, "nested too deeply"),
    "nested mappings": ("\n".join(" " * i + "a:" for i in range(99)), "line 5.: nested too deeply"),
    "nested JSON": ("[" * 5000 + "]" * 5000, "nested too deeply"),
    "a tab": ("a:\n\t- b", "not YAML: .* at line 2"),
    "half a list": ("a: [", "not YAML"),
    "an unknown alias": ("a: *b", "not YAML: found undefined alias"),
    "two documents": ("a: 1\n---\nb: 2", "not YAML: but found another document"),
    "a control character": ("a: \x07", "not YAML"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused_is_one_line(case: str, tmp_path: Path) -> None:
    text, message = REFUSED[case]
    path = tmp_path / "my.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=f"^{path}: .*{message}") as error:
        read_document(path)

    assert len(str(error.value)) < 400 + len(str(path))
    assert "\n" not in str(error.value)


READ = {
    "nothing": ("", None),
    "JSON with tabs": ('{"a":\t[1, 2.5],\n\t"b": null}', {"a": [1, 2.5], "b": None}),
    "a mark of the byte order": ("\ufeffa: 1", {"a": 1}),
    "aliases": ("a: &a {x: 1}\nb: {<<: *a, y: 2}", {"a": {"x": 1}, "b": {"x": 1, "y": 2}}),
    "an alias overridden": (
        "a: &a {x: 1}\nb: &b {<<: *a, x: 2}\nc: {<<: *b, x: 3}",
        {"a": {"x": 1}, "b": {"x": 2}, "c": {"x": 3}},
    ),
    "words for keys": ("{on: 1, y: 2, No: 3}", {"on": 1, "y": 2, "No": 3}),
    "the largest number": ("a: -9223372036854775807", {"a": -(2**63) + 1}),
    "text in quotes": ('a: ["0000-00-00", "9e999"]', {"a": ["0000-00-00", "9e999"]}),
}


@pytest.mark.parametrize("case", READ)
def test_what_is_read(case: str, tmp_path: Path) -> None:
    text, value = READ[case]
    path = tmp_path / "my.yaml"
    path.write_text(text, encoding="utf-8")
    assert read_document(path) == value


def test_only_regular_files_of_reasonable_size_are_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "large").write_bytes(b" " * (LARGEST + 1))
    (tmp_path / "latin").write_bytes(b"a: \xe9")
    places = {
        Path("/dev/zero"): "not a regular file",
        tmp_path / "pipe": "not a regular file",
        tmp_path: "not a regular file",
        tmp_path / "large": f"larger than {LARGEST} bytes",
        tmp_path / "latin": "not UTF-8 at byte 3",
        tmp_path / "missing": "cannot be read .No such file",
        tmp_path / ("x" * 5000): "cannot be read .File name too long",
    }
    for path, message in places.items():
        with pytest.raises(ConfigError, match=f"^{path}: {message}"):
            read_document(path)


def test_what_is_read_twice_is_two_values(tmp_path: Path) -> None:
    path = tmp_path / "my.yaml"
    path.write_text("a: [1]", encoding="utf-8")
    first = read_document(path)
    first["a"].append(2)

    assert read_document(path) == {"a": [1]}
