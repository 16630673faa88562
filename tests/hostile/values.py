"""Values, keys and pieces of text that should not be in a file, and how they get into one."""

# ruff: noqa: E501

import random
from typing import Any

import yaml

COMMANDS = [
    "$(touch ../pwned)", "`touch ../pwned`", "; touch ../pwned", "| touch ../pwned", "&& touch ../pwned",
    "{snakemake.__class__}", "{{ 7 * 7 }}", "__import__('os').system('touch ../pwned')",
    "<script>alert(1)</script>", "\\input{/etc/passwd}", "=cmd|' /C calc'!A0", "@SUM(1)", "%s%n%x",
    "'; DROP TABLE rows; --", "copy (select 1) to '../pwned'", "read_csv('/etc/passwd')",
    "install httpfs", "x FROM read_text('/etc/passwd')", "(select 1)", "rating >= 4; select 1",
    "getenv('HOME')", "pragma database_list", "rating over ()", "1 = 1 --", "/* */ rating > 1",
]  # fmt: skip
PATHS = [
    "../../../../etc/passwd", "/etc/shadow", "/dev/zero", "/dev/stdin", "/proc/self/mem", "~/.ssh/id_rsa",
    "\\\\host\\share", "C:\\x", "file:///etc/passwd", "http://127.0.0.1:1/x.csv", "s3://a/b", "x" * 5000,
    "x.csv\0.png", "./../case/../x", "**/*", "[", "{a,b}", "results", ".", "", "x.csv/../x.csv", "x\ny",
]  # fmt: skip
NUMBERS = [
    0, -1, 1, 2**31, 2**63, -(2**63), 10**30, 10**400, 1e308, 1e-320, -0.0, 0.1, float("nan"),
    float("inf"), -float("inf"), True, False, None,
]  # fmt: skip
TEXTS = [
    "", " ", "\t", "\n", "\0", "\x1b[2J", "\u202e", "\ufeff", "é" * 300, "x" * 20_000, "nan", "null",
    "yes", "1e999", "0x10", "1_000", "2024-13-40", "00:00", "%M:%M", "%", "[", "]", "{", "}", ":", "-", "#",
    "{dataset}", "{x", "__class__", "constructor", "paper", "mtnas", "insteval", "a/b", "a.b", "A", "a-b",
    "a\n", "CON", "ـ", "𝔘", "🙂", "--help", "-n", "select", "union", "order", "t0", "split", "source",
]  # fmt: skip
SNIPPETS = [
    "!!python/object/apply:os.system ['touch ../pwned']", "!!python/name:os.system", "!!binary =",
    "!!bool x", "!!int x", "!!float x", "!!timestamp 0000-00-00", "!!set {a, b}", "!!omap [a: 1]",
    "!<tag:yaml.org,2002:null> x", "!x", "&a [*a]", "&a {b: *a}", "*nowhere", "<<: *a", "<<: [1]",
    "&a [1,1]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b]\nd: [*c,*c,*c,*c,*c,*c]",
    "[" * 60, "{a: " * 60, "- " * 60, "[" * 3000, "? ", "? [a]\n: b", "---\na: 1\n---\nb: 2", "...", "%YAML 9.9\n---",
    "%TAG ! x", "0000-00-00", "9999-99-99", "1:2:3", "0o9", "0b2", "." * 9, "1" * 5000, "1e9999", ".nan", ".inf",
    "'\\ud800'", '"\\ud800"', '"\\x00"', '"\\U00110000"', '"\\q"', "'", '"', "|\n x", ">9\n x", "@x", "`x`",
    "\t- a", "\0", "\x1b]0;x\x07", "\u2028", "\x85", "__use_yte__: true", "?x: {{ 1 }}", "y: n", "on: off", "1: 2",
    "~: ~", "[]: {}", "a: 1\na: 2", "envvars: [PATH]", "include: /etc/passwd", "#" * 5000,
]  # fmt: skip


def value(drawn: random.Random) -> Any:
    """Return something that may stand anywhere, and should stand nowhere."""
    kind = drawn.randrange(7)
    if kind < 4:
        return drawn.choice((COMMANDS, PATHS, NUMBERS, TEXTS)[kind])
    if kind == 4:
        return [value(drawn) for _ in range(drawn.choice([0, 1, 2, 5]))]
    if kind == 5:
        return {key(drawn): value(drawn) for _ in range(drawn.choice([0, 1, 3]))}
    deep: Any = drawn.choice(TEXTS)
    for _ in range(drawn.choice([3, 30, 60])):
        deep = [deep] if drawn.random() < 0.5 else {"a": deep}
    return deep


def key(drawn: random.Random) -> Any:
    """Return a key that nobody expects."""
    return drawn.choice([*TEXTS, *COMMANDS, *PATHS, 1, None, True, 0.5])


def places(document: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the path of every value in a document."""
    parts = (
        document.items()
        if isinstance(document, dict)
        else enumerate(document)
        if isinstance(document, list)
        else ()
    )
    return [path, *(place for name, part in parts for place in places(part, (*path, name)))]


def changed(document: Any, drawn: random.Random) -> Any:
    """Return a document with a value replaced, doubled, removed, nested or added."""
    path = drawn.choice(places(document))
    if not path:
        return document if isinstance(document, dict) else value(drawn)
    inner = document
    for name in path[:-1]:
        inner = inner[name]
    match drawn.randrange(6):
        case 0 | 1:
            inner[path[-1]] = value(drawn)
        case 2:
            del inner[path[-1]]
        case 3:
            inner[path[-1]] = [inner[path[-1]], value(drawn)]
        case 4:
            inner[path[-1]] = {key(drawn): inner[path[-1]]}
        case 5 if isinstance(inner, dict):
            inner[key(drawn)] = inner[path[-1]] if drawn.random() < 0.5 else value(drawn)
    return document


def as_text(document: Any) -> str:
    """Return a document as YAML."""
    return yaml.safe_dump(document, allow_unicode=True, sort_keys=False)


def garbled(text: str, drawn: random.Random) -> str:
    """Return a text with pieces put in, taken out, doubled or exchanged."""
    for _ in range(drawn.choice([1, 1, 2, 4])):
        at = drawn.randrange(len(text) + 1)
        line = text.rfind("\n", 0, at) + 1
        size = drawn.choice([1, 1, 5, 40])
        match drawn.randrange(6):
            case 0:
                text = text[:at] + drawn.choice(SNIPPETS) + text[at:]
            case 1:
                text = f"{text[:line]}{drawn.choice(SNIPPETS)}\n{text[line:]}"
            case 2:
                text = text[:at] + text[at + size :]
            case 3:
                text = text[:at] + text[at : at + size] * drawn.choice([2, 50]) + text[at + size :]
            case 4:
                text = (
                    text[:at]
                    + chr(drawn.choice([0, 9, 27, 34, 39, 58, 91, 123, 255, 0x2028]))
                    + text[at + 1 :]
                )
            case 5:
                colon = text.find(": ", at)
                end = text.find("\n", colon)
                if colon > 0 and end > 0:
                    text = f"{text[: colon + 2]}{drawn.choice(SNIPPETS)}{text[end:]}"
    return text
