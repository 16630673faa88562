"""Table 2: test scores of every method, and paired differences to MTNAS; Table 3 is the same."""

from mtnas.report.exhibits.base import Needs, TableExhibit
from mtnas.report.render.layout import Table
from mtnas.report.scores import main_results
from mtnas.study.plan import Plan

FEW = 2  # tasks of a dataset of Table 2, at most


class MainComparison(TableExhibit):
    """The main comparison on datasets of few tasks (Table 2), or of many (Table 3)."""

    place = 20

    def __init__(self, name: str, *, many: bool) -> None:
        self.name, self.many = name, many

    def needs(self, plan: Plan) -> dict[str, Needs]:
        """Take the runs of experiment `main` on those datasets."""
        names = [n for n in plan.principal if (plan.datasets[n].num_tasks > FEW) == self.many]
        runs = tuple(run for run in plan.main if run[0] in names)
        needs = Needs(runs=runs, manifests=tuple(plan.principal), paper=True)
        return {self.name: needs} if runs else {}

    def read(self, needs: Needs) -> Table:
        """Return the table."""
        return main_results(
            needs.run_folders, manifests=needs.manifest_files, name=self.name, names=needs.names
        )


EXHIBIT = MainComparison("table2", many=False)
