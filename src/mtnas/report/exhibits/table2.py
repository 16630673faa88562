"""Table 2: test AUC and loss of every method, and paired differences to MTNAS."""

from typing import TYPE_CHECKING

from mtnas.report.exhibits.base import Needs, TableExhibit
from mtnas.report.render.layout import Table
from mtnas.report.scores import main_results

if TYPE_CHECKING:
    from mtnas.study.plan import Plan


class Table2(TableExhibit):
    """The main comparison on datasets of one or two tasks."""

    place = 20

    def needs(self, plan: "Plan") -> dict[str, Needs]:
        """Take the runs of experiment `main`; three tasks have a table of their own."""
        narrow = [name for name in plan.principal if plan.datasets[name].num_tasks <= 2]
        runs = tuple(run for run in plan.main if run[0] in narrow)
        needs = Needs(runs=runs, manifests=tuple(plan.principal), paper=True)
        return {"table2": needs} if runs else {}

    def read(self, needs: Needs) -> Table:
        """Return the table."""
        return main_results(
            needs.run_folders, manifests=needs.manifest_files, name="table2", names=needs.names
        )


EXHIBIT = Table2()
