"""What a run says when it starts, and of jobs that SLURM ended; what it cancels before.

requires: STUDY, PLAN of common.smk
provides: nothing; without a SLURM that answers, no job is looked for
"""

import time
from pathlib import Path

from mtnas.runtime import slurm

STARTED = time.time()


def cancel_forgotten_jobs():
    """Cancel SLURM jobs of a killed Snakemake that write what this one is about to write."""
    comments = [slurm.comment(job.rule.name, job.wildcards) for job in workflow.dag.needrun_jobs()]
    try:
        return slurm.cancel_forgotten(comments, Path.cwd())
    except slurm.SlurmError as error:
        if workflow.local_exec:
            return []  # a machine without a SLURM that answers
        raise WorkflowError(str(error)) from None


def set_last_answer_aside():
    """Move the last answer and report away where this run is to make new ones."""
    outputs = (str(file) for job in workflow.dag.needrun_jobs() for file in job.output)
    if not workflow.touch and set_answers_aside(outputs):
        told = "The answer of the last run is in results/aside until this run has its own"
        logger.info(told, extra={"shown": True})


onstart:  # the only one: a later one would take its place
    set_last_answer_aside()
    runs, seeds, divided = STUDY.all_runs, STUDY.seeds, subset_folders(PLAN.subsets)
    of_subsets = f" and {len(divided)} of subsets of tasks," if divided else ""
    print(
        f"mtnas: {len(runs)} runs{of_subsets} of {len(seeds)} seeds on {', '.join(STUDY.datasets)}; "
        "results in results/, logs in results/logs/"
    )
    if simulated := [d for d in STUDY.datasets if STUDY.is_simulated(d) or d in PLAN.synthetic]:
        print(f"mtnas: SIMULATED DATA: {', '.join(simulated)}")
    if cancelled := cancel_forgotten_jobs():
        print(
            f"mtnas: cancelled SLURM jobs {' '.join(cancelled)}, left behind by an earlier run"
        )


onerror:
    logs = getattr(workflow.executor_settings, "logdir", None)
    for path, reason in slurm.reasons(logs, STARTED).items() if logs else ():
        print(f"mtnas: SLURM ended the job of {path}: {reason} (docs/slurm.md)")
