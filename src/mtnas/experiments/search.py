"""Search a sharing route for every seed (Algorithm 1, or another strategy)."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from mtnas.config.options import CONTROLS
from mtnas.evidence.records import Git
from mtnas.evidence.search_record import FoundRoute, SearchRecord, SearchTimings
from mtnas.experiments.assembly import Assembly
from mtnas.experiments.job import Job
from mtnas.experiments.journal import Journal, run_groups
from mtnas.experiments.noisy_labels import examples_of
from mtnas.experiments.task_weights import with_task_weights
from mtnas.runtime import provenance
from mtnas.runtime.files import atomic_path
from mtnas.runtime.usage import Usage
from mtnas.search.controls import control_routes
from mtnas.search.strategies import searcher
from mtnas.study.specs import SearchSpec
from mtnas.training.checkpoint import Checkpoint, Tree


@dataclass(frozen=True)
class SearchedRoutes:
    """The routes of all seeds, and the supernets' weights under them (empty for controls)."""

    record: SearchRecord
    weights: Mapping[str, Tensor]
    journal: Journal

    def write(self, *, routes: str | Path, supernet: str | Path) -> None:
        """Write both files, each atomically, the record last; forget the journal."""
        with atomic_path(supernet) as path:
            save_file({name: t.contiguous() for name, t in self.weights.items()}, path)
        self.record.write(routes, [supernet])
        self.journal.remove()


def search(
    spec: SearchSpec,
    job: Job,
) -> SearchedRoutes:
    """Search a sharing route for every seed of the spec."""
    started = time.perf_counter()
    assembly = job.assemble(spec)
    together = job.group_size(assembly)
    kept = job.open_journal(assembly)
    results = run_groups(spec.seeds, together, partial(_searched, assembly, spec), kept)
    timings = SearchTimings(
        search_seconds=sum(result["seconds"] for result in results),
        total_seconds=kept.seconds + time.perf_counter() - started,
        seeds_at_once=together,
        device=job.device,
    )
    record = SearchRecord(
        dataset=spec.dataset,
        method=spec.method,
        variant=spec.variant,
        strategy=spec.search.strategy,
        simulated=assembly.table.manifest.simulated,
        space=assembly.space.to_json(),
        num_routes=assembly.space.num_routes,
        seeds={
            seed: FoundRoute(**result["found"])
            for seed, result in zip(spec.seeds, results, strict=True)
        },
        spec=spec,
        timings=timings,
        usage=Usage.now(),
        environment=provenance.environment(),
        data=assembly.data,
        git=Git(**provenance.git_state()),
        code=job.code,
    )
    names = results[0]["weights"]
    weights = {name: torch.cat([result["weights"][name] for result in results]) for name in names}
    return SearchedRoutes(record, weights, kept)


def _searched(
    assembly: Assembly, spec: SearchSpec, group: Sequence[int], checkpoint: Checkpoint
) -> list[Tree]:
    """Return what a search found for some seeds, side by side, and its supernets' weights."""
    options, space = spec.search, assembly.space
    if options.strategy in CONTROLS:
        result = control_routes(options.strategy, space, group)
    else:
        examples = examples_of(assembly, group)
        members = with_task_weights(assembly, examples, assembly.members(group, {}))
        ensemble = assembly.ensemble(members)
        splits = [assembly.split(seed) for seed in group]
        find = searcher(options)
        search = find(ensemble, examples, splits, options, assembly.training)
        result = search.run(checkpoint)
    return [
        {
            "found": result.routes[s].to_json(),
            "weights": {n: t[s : s + 1].cpu().clone() for n, t in result.state.items()},
            "seconds": result.seconds / len(group),
        }
        for s in range(len(group))
    ]
