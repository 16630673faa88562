"""The actions of a crate: what each job took, used, made, and on what it ran."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mtnas.report.crate.jobs import Job
from mtnas.runtime.files import Json
from mtnas.runtime.provenance import digest_of

if TYPE_CHECKING:
    from rocrate.model.entity import Entity
    from rocrate.rocrate import ROCrate

DONE = "http://schema.org/CompletedActionStatus"
PACKAGES = ("numpy", "pandas", "torch", "scikit-learn")
HARDWARE = ("platform", "cpu", "cpu_count", "memory_mb", "gpu")


class Actions:
    """Adds actions to a crate; `files` are those that it holds, by their paths in it."""

    def __init__(self, crate: "ROCrate", files: dict[str, "Entity"], agent: str) -> None:
        """Add who ran the study."""
        self.crate, self.files, self.added = crate, files, list["Entity"]()
        self._agent = self._context("#agent", "Person", name=agent)

    def add(self, job: Job) -> None:
        """Add what one job did."""
        digests = {name: digest for name, digest in job.outputs() if name not in self.files}
        made = [self._file(job.path, None)]
        made += [self._file(name, digests.get(name)) for name, _ in job.outputs()]
        used = [self._file(name, None) for name in job.inputs]
        if not used:
            used = self._raw(job.record) if "source_sha256" in job.record else []
        if "spec" in job.record:
            used.append(self._value(job, "spec", json.dumps(job.record["spec"], sort_keys=True)))
        action = self.crate.add_action(
            self._software(job.record), f"#{Path(job.path).parent.as_posix()}", used, made,
            {"@type": "CreateAction", "name": job.name, "description": _described(job)},
        )  # fmt: skip
        usage = job.record.get("usage") or {}
        taken = {
            "wall seconds": job.seconds,
            "CPU seconds": usage.get("cpu_seconds"),
            "peak memory, MB": usage.get("peak_memory_mb"),
        }
        known = [self._value(job, name, v) for name, v in taken.items() if v is not None]
        if known:
            action["resourceUsage"] = known if len(known) > 1 else known[0]
        self._finish(action, [job])

    def add_study(self, workflow: "Entity", config: "Entity", jobs: Sequence[Job]) -> None:
        """Add the run of the whole workflow."""
        used = [config, *_once(raw for job in jobs for raw in self._raw(job.record))]
        told = "Snakemake ran the workflow, in one go or in several"
        action = self.crate.add_action(
            workflow, "#study", used, list(self.files.values()),
            {"@type": "CreateAction", "name": "The study", "description": told},
        )  # fmt: skip
        self._finish(action, jobs)

    def _finish(self, action: "Entity", jobs: Sequence[Job]) -> None:
        """Add what every action has."""
        started = [job.started for job in jobs if job.started]
        ended = [job.ended for job in jobs if job.ended]
        told = {"agent": self._agent, "actionStatus": DONE}
        told |= {"startTime": min(started)} if started else {}
        told |= {"endTime": max(ended)} if ended else {}
        for name, value in told.items():
            action[name] = value
        self.crate.root_dataset.append_to("mentions", action)
        self.added.append(action)

    def _file(self, name: str, digest: str | None) -> "Entity":
        """Return a file of the crate, or the description of one that is not in it."""
        if name in self.files:
            return self.files[name]
        identity = f"#{name}"
        known = self.crate.get(identity)
        if known is None:
            told = "not in the crate"
            known = self._context(identity, "CreativeWork", name=name, description=told)
        if digest is not None:
            known["sha256"] = digest
        return known

    def _raw(self, record: Json) -> list["Entity"]:
        """Return the raw files that a manifest tells of."""
        digests = record.get("source_sha256", {})
        return [self._file(f"raw/{record['dataset']}/{n}", d) for n, d in digests.items()]

    def _value(self, job: Job, name: str, value: str | float) -> "Entity":
        identity = (
            f"#{Path(job.path).parent.as_posix()}/{name.replace(', ', '-').replace(' ', '-')}"
        )
        return self._context(identity, "PropertyValue", name=name, value=value)

    def _software(self, record: Json) -> "Entity":
        """Return mtnas with the versions, the commit and the code that a record tells."""
        versions, git = record.get("environment") or {}, record.get("git") or {}
        code = record.get("code")
        identity = f"#mtnas-{digest_of([versions, git, code])}"
        commit = f"commit {git.get('commit') or 'unknown'}"
        commit += " with changes" if git.get("dirty") else ""
        told = [str(versions.get("mtnas") or "unknown"), commit]
        told += [f"code {code}"] if code else []
        needed = [
            self._package(name, str(versions[name])) for name in PACKAGES if versions.get(name)
        ]
        if python := versions.get("python"):
            home = f"https://docs.python.org/release/{python}/"
            told_python = {"name": "Python", "softwareVersion": str(python), "url": home}
            needed.append(self._context(home, "SoftwareApplication", **told_python))
        software = self._context(
            identity, "SoftwareApplication", name="mtnas", softwareVersion=", ".join(told)
        )
        if needed:
            software["softwareRequirements"] = needed
        return software

    def _package(self, name: str, version: str) -> "Entity":
        """Return a package of the registry; builds of a version share a page."""
        home = f"https://pypi.org/project/{name}/{version.partition('+')[0]}/"
        told = {"name": name, "softwareVersion": version, "url": home}
        return self._context(home, "SoftwareApplication", **told)

    def _context(self, identity: str, kind: str, **properties: str | float) -> "Entity":
        """Return an entity, which is added once."""
        from rocrate.model.contextentity import ContextEntity

        known = self.crate.get(identity)
        if known is not None:
            return known
        told = {"@type": kind, **properties}
        return self.crate.add(ContextEntity(self.crate, identity, properties=told))


def _described(job: Job) -> str:
    """Say on what a job ran."""
    told = job.record.get("environment") or {}
    device = job.record.get("timings", {}).get("device")
    known = {"device": device, **{name: told.get(name) for name in HARDWARE}}
    parts = [f"{name} {value}" for name, value in known.items() if value]
    return f"{job.name}, on {', '.join(parts)}" if parts else job.name


def _once(entities: Iterable["Entity"]) -> list["Entity"]:
    return list({entity.id: entity for entity in entities}.values())
