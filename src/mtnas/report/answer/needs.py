"""What the answers of a study are made from; the workflow reads this at every start."""

from mtnas.report.exhibits.base import Needs, titled
from mtnas.study.plan import Plan

CAUSES = "why_single"  # the experiment that tells why separate models lead
TABLES = "training.embedding_per_task"  # the option that gives each task tables of its own
DERIVED = {
    "inherit": "keeps the weights that the search left",
    "finetune": "trains on with the weights that the search left",
}


def needs_of(plan: Plan) -> Needs:
    """Name what the answers of a study are made from, besides its claims."""
    data = plan.principal
    main = [run for run in plan.main if run[0] in data]
    own_tables = [row for row, said in plan.variants.items() if list(said.changes) == [TABLES]]
    spaces = [(d, s) for s, of in plan.judged.items() for d in of if d in data and of[d]]
    judged = [
        {**e, "space": s} for s in plan.judged for e in plan.judged_by(s) if e["dataset"] in data
    ]
    derived = {
        "/".join(row): said.changes["derive"]
        for row, said in plan.variants.items()
        if said.changes.get("derive") in DERIVED
    }
    return titled(
        plan,
        Needs(
            runs=tuple(dict.fromkeys([*main, *plan.experiments.get(CAUSES, ())])),
            searches=tuple(plan.main_searches),
            diagnoses=tuple(plan.diagnosed),
            manifests=tuple(dict.fromkeys(run[0] for run in main)),
            truths=tuple(spaces),
            judged=tuple(judged),
            facts={
                "main": ["/".join(run) for run in main],
                "controls": [list(row) for row in plan.controls],
                "own_tables": [list(row) for row in own_tables],
                "derived": derived,
            },
        ),
    )
