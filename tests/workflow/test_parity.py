"""A local Snakemake keeps to the cores and GPUs it was given, and so do its jobs."""

import pytest

from mtnas.runtime.files import read_json

pytestmark = pytest.mark.slow

THREADS = """
configfile: "config/config.yaml"

include: "rules/common.smk"

rule count:
    output: "results/{threads}_{gpu}_{name}.json"
    log: "results/logs/{threads}_{gpu}_{name}.log"
    threads: lambda wildcards: int(wildcards.threads)
    resources: gpu=lambda wildcards: int(wildcards.gpu)
    script: "count.py"
"""

COUNT = """
import time

import torch  # with its OpenMP
from sklearn import metrics  # with numpy's and scipy's BLAS
from threadpoolctl import threadpool_info

from mtnas.runtime.files import write_json
from mtnas.runtime.job import job

with job(snakemake) as smk:
    pools = {f"{p['internal_api']} {p['filepath']}": p["num_threads"] for p in threadpool_info()}
    facts = {"gpu": smk.resources.gpu, "threads": smk.threads, "pools": pools}
    facts |= {"torch": torch.get_num_threads(), "start": time.time()}
    before, square = time.process_time(), torch.rand(500, 500)
    while time.time() < facts["start"] + 1:
        square @ square
        square.numpy() @ square.numpy()
    used = time.process_time() - before
    write_json(smk.output[0], {**facts, "end": time.time(), "cpu_seconds": used})
"""


def most_at_once(spans):
    """Return the largest sum of weights of (start, end, weight) at any moment."""
    return max(
        sum(weight for start, end, weight in spans if start <= moment < end) for moment, *_ in spans
    )


def test_cores_and_gpus_are_upper_limits(fresh):
    fresh.write("count.py", COUNT)
    names = ["1_1_a", "1_1_b", "1_1_c", "1_0_d", "2_0_e", "3_0_f"]
    targets = [f"results/{name}.json" for name in names]

    fresh.snakemake("-s", fresh.write("count.smk", THREADS), "--resources", "gpu=1", "--", *targets)

    jobs = [read_json(fresh.folder / target) for target in targets]
    assert [job["threads"] for job in jobs] == [1, 1, 1, 1, 2, 2]  # of two cores
    for job in jobs:
        assert job["torch"] == job["threads"]
        assert len(job["pools"]) >= 2
        assert max(job["pools"].values()) <= job["threads"], job["pools"]
        assert job["cpu_seconds"] < 1.2 * job["threads"] * (job["end"] - job["start"])
    assert most_at_once([(job["start"], job["end"], job["threads"]) for job in jobs]) == 2
    assert most_at_once([(job["start"], job["end"], job["gpu"]) for job in jobs]) == 1
