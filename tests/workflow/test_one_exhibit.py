"""A new table or figure is one file: the workflow, the report and the rebuild know it by itself."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from mtnas.report.published.publish import publish
from tests.helpers.runs import make_run
from tests.report.test_published import Facts, Plan, make_manifest

DOCUMENT = Path(__file__).parents[2] / "docs/adding-a-table-or-figure.md"
(TABLE,) = re.findall(r"^```python\n(.*?)^```$", DOCUMENT.read_text(encoding="utf-8"), re.M | re.S)
REBUILD = "import sys; from mtnas.report.published.rebuild import rebuild; rebuild(sys.argv[1])"


@pytest.mark.slow
def test_a_new_table_is_one_file(fresh, tmp_path):
    fresh.write("src/mtnas/report/exhibits/num_fields.py", TABLE)
    study = ("--config", "datasets=[insteval]")

    planned = fresh.snakemake("-n", "results/report.html", *study)
    assert "Writing num_fields" in planned  # the report shows it
    fresh.snakemake("results/tables/num_fields.md", *study)
    table = (fresh.folder / "results/tables/num_fields.md").read_text()
    assert "### Fields of the datasets" in table and "| insteval | " in table
    assert (fresh.folder / "results/tables/num_fields.cells.csv").is_file()

    folder = tmp_path / "published"
    plan = Plan({"bookcrossing": Facts(2)}, {"main": [("bookcrossing", "mmoe", "paper")]})
    publish(
        folder,
        plan=plan.to_json(),
        command="",
        run_folders=[make_run(tmp_path / "runs", "mmoe", (0.8, 0.8))],
        routes=[],
        manifests=[make_manifest(tmp_path, "bookcrossing")],
    )
    assert not (folder / "tables/num_fields.md").exists()
    environment = {**fresh.environment(), "PYTHONPATH": str(fresh.folder / "src")}
    command = [sys.executable, "-c", REBUILD, str(folder)]
    subprocess.run(command, cwd=fresh.folder, env=environment, check=True)
    assert "| bookcrossing | " in (folder / "tables/num_fields.md").read_text()
