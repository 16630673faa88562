"""A wrong number planted in any kind of file is named by `mtnas verify`."""

import gzip
import json
import re
import shutil
from pathlib import Path

import pytest

from mtnas.report.published.publish import publish
from mtnas.report.published.whole import changing, check_seal
from mtnas.report.site.record import write_shown
from mtnas.report.verify import verify
from mtnas.runtime.errors import RecordError
from mtnas.runtime.files import sealed, sha256_of, write_json
from tests.report.test_published import main_study, undrawn  # noqa: F401
from tests.report.test_verify import results  # noqa: F401

DIGIT = re.compile(r"(?<=\.)\d")


def planted(path: Path) -> None:
    """Change one digit behind a point, or the last bit of what is no text."""
    content = path.read_bytes()
    if path.suffix == ".gz":
        text = gzip.decompress(content).decode()
        path.write_bytes(gzip.compress(_other(text).encode(), mtime=0))
        return
    try:
        path.write_text(_other(content.decode()), encoding="utf-8")
    except UnicodeDecodeError:
        path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))


def _other(text: str) -> str:
    found = DIGIT.search(text) or re.search(r"\d", text)
    if found is None:
        return f"{text} 7"
    return f"{text[: found.start()]}{(int(found[0]) + 5) % 10}{text[found.end() :]}"


FILES = (
    *("tables/table2.md", "tables/table2.tex", "tables/table2.csv", "tables/table2.html"),
    *("figures/figure3.csv", "figures/figure3.png", "figures/figure3.pdf", "claims/claims.md"),
    *("claims/subgraphs.json", "audit/toys.md", "audit/toys.json", "answer.md", "answer.json"),
    *("contents.json", "diagnosis/toys/recommendation.md", "report.html"),
)


@pytest.mark.parametrize("file", [*FILES, "report.json"])
def test_what_readers_see_is_compared_with_the_report(results: Path, file: str) -> None:  # noqa: F811
    for name in FILES:
        (results / name).parent.mkdir(parents=True, exist_ok=True)
        (results / name).write_text('{"number": 0.71}')
    write_shown(results / "report.json")
    assert not verify(results).wrong
    planted(results / file)

    wrong = [line for line in verify(results).wrong if line.startswith(f"{results / file}: ")]
    assert wrong and "run `.venv/bin/snakemake --cores 1 " in wrong[0], verify(results).wrong


def test_every_file_of_a_run_and_of_its_data_is_compared(results: Path) -> None:  # noqa: F811
    files = [path for path in results.rglob("*") if path.is_file()]
    assert len(files) > 7
    for path in files:
        before = path.read_bytes()
        planted(path)
        assert any(path.name in wrong for wrong in verify(results).wrong), path
        path.write_bytes(before)


def test_a_raw_file_is_the_one_that_its_table_was_made_from(results: Path) -> None:  # noqa: F811
    path = results / "data/toys/manifest.json"
    told = json.loads(path.read_text())
    raw = results / "raw/toys/toys.csv"
    raw.parent.mkdir(parents=True)
    raw.write_text("user,stars\n1,4.5\n")
    told["source_sha256"] = {"toys.csv": sha256_of(raw), "elsewhere.csv": "0" * 64}
    path.write_text(json.dumps(sealed(told)))
    assert "1 raw files are those that tables were made from" in verify(results).right

    planted(raw)
    assert [line for line in verify(results).wrong if line.startswith(f"{raw}: is not the file")]


def test_every_published_file_that_is_wrong_is_named(tmp_path: Path, undrawn: None) -> None:  # noqa: F811
    folder = tmp_path / "published"
    publish(folder, **main_study(tmp_path / "main"))
    names = list(json.loads((folder / "sums.json").read_text())["files"])
    for name in names:
        planted(folder / name)
    strange = [f"data/of_nobody_{number}.json" for number in range(9)]
    for name in strange:
        (folder / name).write_text("{}")

    wrong = verify(folder).wrong
    for name in (*names, *strange):
        assert any(line.startswith(f"{folder / name}: ") for line in wrong), name
    with pytest.raises(RecordError, match=f" and {len(names)} more: not published together"):
        check_seal(folder)


MADE = ("tables", "claims", "figures", "answer.md", "answer.json")  # again, from the others
MEASURED = ("performance.json", "setup.json", "hostile.json", "faults.json")


def test_every_file_that_is_published_is_compared(tmp_path: Path, undrawn: None) -> None:  # noqa: F811
    folder = tmp_path / "published"
    publish(folder, **main_study(tmp_path / "main"))
    with changing(folder) as copy:
        for name in MEASURED:
            write_json(copy / name, {"gigabytes": 2.5})
    assert not verify(folder).wrong
    whole = tmp_path / "whole"
    shutil.copytree(folder, whole)

    files = [path.relative_to(folder) for path in folder.rglob("*") if path.is_file()]
    made = [
        path
        for path in files
        if path.parts[0] in ("tables", "claims", "figures", "answer.md", "answer.json")
    ]
    made = [path for path in made if path.suffix != ".png"]  # drawings differ between versions
    for path in made:
        planted(folder / path)
    wrong = verify(folder).wrong
    assert [path for path in made if not any(str(path) in line for line in wrong)] == []

    # Drawings differ between versions of matplotlib, and the report is not kept in git.
    others = [path for path in files if path not in made and path.suffix not in (".png", ".html")]
    assert {*map(Path, MEASURED)} < {*others}
    for path in others:
        copy = tmp_path / "copy"
        shutil.copytree(whole, copy)
        planted(copy / path)
        assert any(path.name in line for line in verify(copy).wrong), path
        shutil.rmtree(copy)
