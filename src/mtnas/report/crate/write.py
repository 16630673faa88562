"""Write the crate: the workflow, the results, and an action for every job that left a record."""

import shutil
from collections.abc import Iterable
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from mtnas.report.crate.actions import Actions
from mtnas.report.crate.jobs import jobs_of
from mtnas.report.verify.digests import check_digests, files_of
from mtnas.report.verify.outcome import Outcome
from mtnas.runtime.errors import ConfigError, RecordError
from mtnas.runtime.files import new_folder, sha256_of
from mtnas.runtime.provenance import REPOSITORY, git_state

if TYPE_CHECKING:
    from rocrate.model.entity import Entity
    from rocrate.rocrate import ROCrate

PROFILES = {
    "https://w3id.org/ro/wfrun/process/0.5": "Process Run Crate",
    "https://w3id.org/ro/wfrun/workflow/0.5": "Workflow Run Crate",
    "https://w3id.org/workflowhub/workflow-ro-crate/1.0": "Workflow RO-Crate",
}
TERMS = "https://w3id.org/ro/terms/workflow-run#"
MIT = "https://spdx.org/licenses/MIT"
CODE = ("rules", "workflow", "config", "src", "envs", "profiles", "requirements")
FILES = ("LICENSE", "CITATION.cff", "pyproject.toml")
CONFIG = "config/config.yaml"
NOT_CARRIED = ("data", "encoded", "simulated", "benchmarks")  # of data, their manifests alone
KINDS = {  # types of files that the standard library does not know everywhere
    ".md": "text/markdown", ".csv": "text/csv", ".json": "application/json", ".tex": "text/x-tex",
    ".html": "text/html", ".png": "image/png", ".pdf": "application/pdf",
    ".parquet": "application/vnd.apache.parquet", ".yaml": "application/yaml",
}  # fmt: skip
TEXTS, BYTES = ("", ".cff", ".toml"), "application/octet-stream"
README = """\
# {name}

A finished study of mtnas as a Workflow Run RO-Crate: `results/` is what it found, begin with
`results/answer.md`; the rest is the workflow that made it. `ro-crate-metadata.json` says of every
file its SHA-256, and of every job its inputs, outputs, versions, hardware, time and memory.

Data sets are not in it: their manifests are, with the SHA-256 of the raw files and of the tables.
"""


def check_packages() -> None:
    """Raise `ConfigError` if the package is missing."""
    if find_spec("rocrate") is None:
        raise ConfigError(
            "a crate needs the package rocrate, which is not installed; run `.venv/bin/pip install "
            "-c requirements/lock.txt -e '.[crate]'`"
        )


def write_crate(folder: Path, out: Path, agent: str) -> int:
    """Write the crate of a folder of results as a new folder; return the number of its actions.

    Raises:
        ConfigError: a package is missing, or `out` is there already.
        RecordError: there is no finished study, or a file is not what its record describes.
    """
    check_packages()
    _check(folder)
    from rocrate.rocrate import ROCrate

    with new_folder(out) as scratch:
        crate = ROCrate(version="1.1")
        crate.metadata.extra_terms.update(
            {name: f"{TERMS}{name}" for name in ("sha256", "resourceUsage")}
        )
        name = f"Results of mtnas, {folder.absolute().parent.name}"
        _describe(crate, name)
        workflow = _add_workflow(crate)
        results = dict(_results(crate, folder))
        actions = Actions(crate, results, agent)
        for job in (jobs := jobs_of(folder)):
            actions.add(job)
        actions.add_study(workflow, crate.get(CONFIG), jobs)
        _add_parameters(crate, workflow, results)
        readme = scratch / "README.md"
        readme.write_text(README.format(name=name), encoding="utf-8")
        told = {"encodingFormat": "text/markdown", "about": {"@id": "./"}}
        crate.add_file(readme, "README.md", properties=told)
        crate.write(scratch)
        _copy_code(scratch)
    return len(actions.added)


def _check(folder: Path) -> None:
    """Refuse what is not finished, and what `mtnas verify` would call wrong."""
    if not (folder / "answer.json").is_file():
        raise RecordError(
            f"{folder}: no answer.json, so no finished study; run it to its end with `mtnas run`"
        )
    check_digests(folder, outcome := Outcome())
    if outcome.wrong:
        raise RecordError(f"{outcome.wrong[0]} (`mtnas verify` tells all)")


def _describe(crate: "ROCrate", name: str) -> None:
    """Say what the crate is, by whom, under which licence."""
    from rocrate.model.contextentity import ContextEntity

    def told(identity: str, **properties: str) -> "Entity":
        return crate.add(ContextEntity(crate, identity, properties=properties))

    crate.name = name
    crate.description = (
        "Multi-task recommenders with every common way of sharing, trained over several seeds and "
        "compared; a reproduction of `Boosting Share Routing for Multi-task Learning`."
    )
    licence = {"@type": "CreativeWork", "name": "MIT License", "url": MIT}
    of_what = "of the code and of the results; data sets are not in the crate"
    crate.license = told(MIT, **licence, description=of_what)
    authors = told("#authors", **{"@type": "Organization", "name": "The mtnas authors"})
    crate.root_dataset["author"] = crate.publisher = authors
    crate.root_dataset["conformsTo"] = [
        told(identity, **{"@type": "CreativeWork", "name": title, "version": identity[-3:]})
        for identity, title in PROFILES.items()
    ]


def _add_workflow(crate: "ROCrate") -> "Entity":
    """Add the Snakefile as the main workflow, and the code beside it."""
    git = git_state()
    commit = f", commit {git['commit'] or 'unknown'}{' with changes' if git['dirty'] else ''}"
    properties = {
        "name": "mtnas",
        "version": f"{version('mtnas')}{commit}",
        "license": {"@id": MIT},
        "creator": {"@id": "#authors"},
        "sha256": sha256_of(REPOSITORY / "Snakefile"),
        "encodingFormat": "text/plain",
    }
    workflow = crate.add_workflow(
        REPOSITORY / "Snakefile", "Snakefile", main=True, lang="snakemake",
        lang_version=version("snakemake"), properties=properties, record_size=True,
    )  # fmt: skip
    for name in (*FILES, CONFIG):
        _add_file(crate, REPOSITORY / name, name)
    parts = [crate.add_dataset(dest_path=f"{name}/", properties={"name": name}) for name in CODE]
    workflow["hasPart"] = parts
    return workflow


def _results(crate: "ROCrate", folder: Path) -> Iterable[tuple[str, "Entity"]]:
    """Add the results; yield each with its path. Data sets are left where they are."""
    for path in files_of(folder, "*"):
        name = path.relative_to(folder)
        if path.is_file() and (name.parts[0] not in NOT_CARRIED or name.name == "manifest.json"):
            told = f"results/{name.as_posix()}"
            yield told, _add_file(crate, path, told)


def _add_file(crate: "ROCrate", path: Path, name: str) -> "Entity":
    kind = KINDS.get(path.suffix, "text/plain" if path.suffix in TEXTS else BYTES)
    properties = {"name": name, "sha256": sha256_of(path), "encodingFormat": kind}
    return crate.add_file(path, name, properties=properties, record_size=True)


def _add_parameters(crate: "ROCrate", workflow: "Entity", results: dict[str, "Entity"]) -> None:
    """Say what goes into the workflow and comes out of it, as such."""
    ways = {
        "input": {"config": crate.get(CONFIG)},
        "output": {
            name: results[path]
            for name in ("answer.json", "claims/claims.json", "report.html")
            if (path := f"results/{name}") in results
        },
    }
    for way, files in ways.items():
        parameters = []
        for name, file in files.items():
            parameter = crate.add_formal_parameter(name, "File", identifier=f"#{way}-{name}")
            parameter["workExample"] = file
            file["exampleOfWork"] = parameter
            parameters.append(parameter)
        workflow[way] = parameters if len(parameters) > 1 else parameters[0]


def _copy_code(out: Path) -> None:
    """Copy the code, without what Python and numba have compiled."""
    ignored = shutil.ignore_patterns("__pycache__", "*.egg-info", ".*")
    for name in CODE:
        shutil.copytree(REPOSITORY / name, out / name, ignore=ignored, dirs_exist_ok=True)
