"""Which embedding tables the tasks read, after searches that choose them (D18)."""

from collections.abc import Iterator, Sequence

from mtnas.data.prepare.manifest import Manifest
from mtnas.evidence.search_record import SearchRecord
from mtnas.report.decided import entropy_left
from mtnas.report.exhibits.base import Needs, NothingToShowError, TableExhibit
from mtnas.report.names import Names, counted, dataset_name, task_name
from mtnas.report.render.layout import Block, Cell, Column, Row, Source, Table
from mtnas.routes.space import SearchSpace
from mtnas.routes.tables import CHOICES, space_from
from mtnas.study.plan import Plan

NAME = "table_choices"
TITLE = "Which embedding tables the searches chose"
ENTROPY = "entropy left"
NOTE = (
    "How many seeds a task reads the table that all share, its own, or the mean of both. Entropy "
    "left: what the search keeps, in these choices alone, of the entropy of a blind choice, mean "
    "over tasks and seeds; near 1 it has not decided. A search that trains each candidate alone "
    "has no such preferences."
)


class TableChoices(TableExhibit):
    """A block per dataset, a row per search of tables."""

    place = 96

    def needs(self, plan: Plan) -> dict[str, Needs]:
        """Take the searches of tables in the main comparison."""
        searches = tuple(r for r in plan.main_searches if "tables" in plan.changes(r))
        data = tuple(dict.fromkeys(dataset for dataset, *_ in searches))
        return {NAME: Needs(searches=searches, manifests=data)} if searches else {}

    def read(self, needs: Needs) -> Table:
        """Return the table."""
        searches = {path: SearchRecord.read(path) for path in needs.routes_files}
        found = [(path, record) for path, record in searches.items() if _space(record).inputs]
        if not found:
            raise NothingToShowError("no search chose embedding tables")
        blocks = []
        for manifest in map(Manifest.read, needs.manifest_files):
            own = [(path, record) for path, record in found if record.dataset == manifest.dataset]
            blocks += [_block(manifest, own, needs.names)] if own else []
        return Table(NAME, TITLE, tuple(blocks), (NOTE,))


def _space(record: SearchRecord) -> SearchSpace:
    return space_from(**record.space)


def _block(manifest: Manifest, found: Sequence[tuple[str, SearchRecord]], names: Names) -> Block:
    """Return the block of one dataset."""
    tasks = [task_name(task.name) for task in manifest.tasks]
    heads = [Column(f"{task}: {choice}") for task in tasks for choice in CHOICES]
    rows = []
    for path, record in found:
        name = names.run(record.method, record.variant)
        label = f"{name} ({counted(len(record.first_routes), 'seed')})"
        rows.append(Row(label, (*_counts(path, record), _entropy(path, record))))
    title = dataset_name(manifest.dataset, found[0][1].simulated)
    return Block(title, "Search", (*heads, Column(ENTROPY)), tuple(rows))


def _counts(path: str, record: SearchRecord) -> Iterator[Cell]:
    """Say, for every task and choice, how many seeds took it."""
    space, routes = _space(record), record.first_routes.values()
    for task, block in zip(space.tasks, space.inputs, strict=True):
        for i, choice in enumerate(CHOICES):
            taken = sum(space.index_of(block, route[block]) == i for route in routes)
            yield Cell(taken, "count", source=_source(path, record, f"seeds_{choice}", task))


def _entropy(path: str, record: SearchRecord) -> Cell:
    """Say what is left of the entropy of blind choices of tables; nothing if not recorded."""
    inputs = _space(record).inputs
    blocks = [record.seeds[seed].blocks[name] for seed in record.first_routes for name in inputs]
    return Cell(entropy_left(blocks), "share", source=_source(path, record, "entropy_left", "all"))


def _source(path: str, record: SearchRecord, metric: str, task: str) -> Source:
    seeds, code = len(record.first_routes), record.code or ""
    return Source(*record.key, metric, task, seeds, path, code)


EXHIBIT = TableChoices()
