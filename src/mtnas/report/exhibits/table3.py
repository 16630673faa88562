"""Table 3: the same as Table 2 for datasets with three or more tasks."""

from typing import TYPE_CHECKING

from mtnas.report.exhibits.base import Needs, TableExhibit
from mtnas.report.render.layout import Table
from mtnas.report.scores import main_results

if TYPE_CHECKING:
    from mtnas.study.plan import Plan


class Table3(TableExhibit):
    """The main comparison on datasets of three or more tasks."""

    place = 30

    def needs(self, plan: "Plan") -> dict[str, Needs]:
        """Take the runs of experiment `main`."""
        wide = [name for name in plan.principal if plan.datasets[name].num_tasks > 2]
        runs = tuple(run for run in plan.main if run[0] in wide)
        needs = Needs(runs=runs, manifests=tuple(plan.principal), paper=True)
        return {"table3": needs} if runs else {}

    def read(self, needs: Needs) -> Table:
        """Return the table."""
        return main_results(
            needs.run_folders, manifests=needs.manifest_files, name="table3", names=needs.names
        )


EXHIBIT = Table3()
