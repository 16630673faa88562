"""The workflow on a real SLURM: the numbers of a local run, whatever becomes of its jobs.

Most of the time is SLURM's and not ours, so all scenarios run at once; each test looks at one.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch

from mtnas.runtime.files import read_json
from tests.helpers.long_jobs import LongJobs
from tests.slurm.cluster import NODES, alive

HERE = Path(__file__).parent
STUDY = ("--configfile", "config/test.yaml")
FAILURES = ("-s", "failures.smk")
PROFILE = "profiles/slurm/config.yaml"
RUNS = "results/runs/insteval"
MMOE = f"{RUNS}/mmoe/paper/metrics.csv"
WHOLE = "first half\nsecond half\n"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.slurm,
    pytest.mark.skipif(torch.cuda.is_available(), reason="a real GPU rounds differently"),
]


def study(site, finished, folder):
    """Run the smallest study; a node goes down under its jobs and comes back."""
    checkout = finished.new(folder)
    checkout.edit(PROFILE, "cpu_if_no_gpu: 0 ", "cpu_if_no_gpu: 1 ")
    run = site.start(checkout, *STUDY, polls=8)
    _, lost = NODES

    def running():
        return [j.number for j in run.jobs("train") if (j.state, j.node) == ("RUNNING", lost)]

    run.wait(running, "job to lose")
    jobs = running()
    site.cluster.lose(lost)
    run.wait(lambda: site.cluster.nodes()[lost].startswith("down"), "node that is down")
    site.cluster.start(lost)
    return run, run.end(), jobs


def gpu_missing(site, finished, folder):
    """Ask for a GPU where there is none, and do not allow the CPU: as people start it."""
    checkout = at_the_lasting_node(finished.copy(folder))
    shutil.rmtree(checkout.folder / RUNS / "mmoe")
    run = site.start(checkout, *STUDY, "--retries", 0, program=("mtnas", "run"))
    return run, run.end(ok=False)


def killed(site, finished, folder):
    """Kill Snakemake while its job runs; start it again."""
    checkout = at_the_lasting_node(finished.copy(folder))
    checkout.edit(PROFILE, "cpu_if_no_gpu: 0 ", "cpu_if_no_gpu: 1 ")
    shutil.rmtree(checkout.folder / RUNS / "mmoe")
    first = site.start(checkout, MMOE, *STUDY)
    first.wait(lambda: [job.state for job in first.jobs()] == ["RUNNING"], "running job")
    (job,) = first.jobs()
    site.cluster.client("scontrol", "suspend", job.number)  # it has to outlive the next start
    first.kill()
    locked = site.start(checkout, MMOE, *STUDY).end(ok=False)
    checkout.snakemake("--unlock", MMOE, *STUDY)
    again = site.start(checkout, MMOE, *STUDY)
    return again, again.end(), (job.number, locked)


def two_writers(site, finished, folder):
    """Kill Snakemake and let the job live on while another one writes the same file."""
    checkout, target = failing(finished, folder), "results/doubled_300.txt"
    first = site.start(checkout, *FAILURES, target)
    first.wait(lambda: half_written(checkout), "half written file")
    first.kill()
    checkout.snakemake("--unlock", *FAILURES, target)
    again = site.start(checkout, *FAILURES, target, "--no-hooks")
    again.wait(lambda: len(half_written(checkout)) == 2, "two writers at once")
    (checkout.folder / f"{target}.go").touch()
    printed = again.end()
    while again.jobs():
        time.sleep(0.5)
    return again, printed


def cancelled(site, finished, folder):
    """Cancel a running job."""
    checkout = failing(finished, folder)
    run = site.start(checkout, *FAILURES, "results/cancelled_10.txt")
    run.wait(lambda: half_written(checkout), "half written file")
    (job,) = run.jobs()
    site.cluster.client("scancel", job.number)
    return run, run.end()


def too_long(site, finished, folder):
    """Take longer than the first attempt may."""
    run = site.start(failing(finished, folder), *FAILURES, "results/too_long.txt", polls=20)
    return run, run.end()


def too_large(site, finished, folder):
    """Need more memory than the first attempt may have."""
    run = site.start(failing(finished, folder), *FAILURES, "results/too_large.txt")
    return run, run.end()


def hopeless(site, finished, folder):
    """Exceed every limit, and try only once."""
    targets = [f"results/{name}.txt" for name in ("too_long", "too_large", "impossible")]
    run = site.start(failing(finished, folder), *FAILURES, "--retries", 0, *targets, polls=20)
    return run, run.end(ok=False)


def ended(site, finished, folder):
    """End a training three times: by its time limit, by SIGUSR1, by scancel."""
    checkout = LongJobs.lengthen(at_the_lasting_node(finished.copy(folder)))
    checkout.edit(PROFILE, "cpu_if_no_gpu: 0 ", "cpu_if_no_gpu: 1 ")
    checkout.edit(PROFILE, "retries: 2", "retries: 5")  # a busy machine may begin a job too late
    checkout.edit("rules/train.smk", "runtime=per_attempt(60)", "runtime=per_attempt(1)")
    shutil.rmtree(checkout.folder / RUNS / "mmoe")
    log = checkout.folder / LongJobs.train_log
    log.unlink()
    run = site.start(checkout, LongJobs.train, *LongJobs.study)
    ways = [
        lambda job: [os.kill(p, signal.SIGSTOP) for p in checkout.scripts()],  # past its time
        lambda job: site.cluster.client("scancel", "--signal=USR1", job),
        lambda job: site.cluster.client("scancel", job),
    ]
    for attempt, end in enumerate(ways, 1):
        run.wait(lambda: log.exists() and "train loss" in log.read_text(), "end of an epoch")
        (job,) = run.jobs()
        end(job.number)
        run.wait(lambda n=attempt: run.printed().count("told to end") == n, "end of a job")
        log.unlink()
    return run, run.end()


SCENARIOS = (
    study, gpu_missing, killed, two_writers, cancelled, too_long, too_large, hopeless, ended,
)  # fmt: skip


def failing(finished, folder):
    """Return a checkout with the jobs that go wrong."""
    checkout = finished.new(folder)
    for name in ("failures.smk", "slow.py"):
        shutil.copy2(HERE / name, checkout.folder)
    return checkout


def at_the_lasting_node(checkout):
    """Keep the jobs of a checkout on the node that does not go down."""
    checkout.edit(PROFILE, "# qos: normal", "constraint: lasting")
    return checkout


def half_written(checkout):
    """Return the temporary files of jobs that are writing."""
    return list(checkout.folder.glob("results/.*.txt"))


@pytest.fixture(scope="session")
def outcomes(site, finished, tmp_path_factory):
    """All scenarios, at once: what each will return."""
    folder = tmp_path_factory.mktemp("slurm")
    pool = ThreadPoolExecutor(len(SCENARIOS))
    yield {
        scenario: pool.submit(scenario, site, finished, folder / scenario.__name__)
        for scenario in SCENARIOS
    }
    pool.shutdown(wait=False, cancel_futures=True)  # the site ends what still runs


def test_nothing_listens_beyond_loopback(site, outcomes):
    heard = set()
    while not outcomes[cancelled].done():
        heard |= site.cluster.listening()
        time.sleep(0.5)

    assert len(heard) > 3  # besides the daemons, srun
    assert {address.partition(":")[0] for address in heard} == {"0100007F"}


def test_a_study_gives_the_numbers_of_a_local_run(outcomes, finished):
    run, *_ = outcomes[study].result()

    files = [
        file.relative_to(finished.folder)
        for pattern in ("runs/**/metrics.csv", "runs/**/*.parquet", "routes/**/*.safetensors",
                        "tables/*", "data/**/*.parquet", "data/**/*.npy")
        for file in (finished.folder / "results").glob(pattern)
    ]  # fmt: skip
    assert len([file for file in files if file.name == "metrics.csv"]) == 11
    for file in files:
        assert (run.folder / file).read_bytes() == (finished.folder / file).read_bytes(), file


def test_a_study_is_one_job_for_each_run_and_search(outcomes):
    run, printed, _ = outcomes[study].result()

    assert run.submissions() == 1 + 3 + 11 + 4  # prepare, search, train, simulated studies
    assert "Trying to restart" not in printed


def test_jobs_of_a_node_that_goes_down_run_elsewhere(outcomes, site):
    _, _, lost = outcomes[study].result()

    assert lost
    for job in lost:
        facts = site.cluster.client("scontrol", "show", "job", job)
        assert "Restarts=1" in facts
        assert "JobState=COMPLETED" in facts


def test_a_gpu_job_without_gpu_runs_on_the_cpu_if_allowed(outcomes):
    run, *_ = outcomes[study].result()

    log = (run.folder / "results/logs/train/insteval/mmoe/paper.log").read_text()
    assert "asks for a GPU" in log
    assert "runs on the CPU, as cpu_if_no_gpu allows" in log
    record = read_json(run.folder / RUNS / "mmoe/paper/run.json")
    assert record["timings"]["device"] == "cpu"


def test_a_gpu_job_without_gpu_fails_if_the_cpu_is_not_allowed(outcomes):
    _, printed = outcomes[gpu_missing].result()

    (told,) = (line for line in printed.splitlines() if "this job asks for a GPU, but" in line)
    assert told.startswith("Training mmoe (paper) on insteval failed: TrainingError: ")
    assert "Traceback" not in printed and "SLURM jobid" not in printed


def test_a_killed_snakemake_goes_on_and_cancels_what_it_left(outcomes, finished, site):
    run, printed, (forgotten, locked) = outcomes[killed].result()

    assert "--unlock" in locked
    assert f"cancelled SLURM jobs {forgotten}, left behind by an earlier run" in printed
    assert run.submissions() == 1
    facts = site.cluster.client("scontrol", "show", "job", forgotten)
    assert "JobState=CANCELLED" in facts
    assert (run.folder / MMOE).read_bytes() == (finished.folder / MMOE).read_bytes()


def test_two_jobs_that_write_one_file_leave_it_whole(outcomes):
    run, _ = outcomes[two_writers].result()

    assert (run.folder / "results/doubled_300.txt").read_text() == WHOLE
    assert not list(run.folder.glob("results/.*"))


def test_a_cancelled_job_is_tried_again(outcomes):
    run, printed = outcomes[cancelled].result()

    assert "SLURM status is: 'CANCELLED'" in printed
    assert "told to end (SIGTERM): by scancel" in printed
    assert run.submissions() == 2
    assert (run.folder / "results/cancelled_10.txt").read_text() == WHOLE
    assert not list(run.folder.glob("results/.*"))


def test_a_training_that_is_ended_goes_on_from_its_checkpoint(outcomes, long_jobs):
    run, printed = outcomes[ended].result()

    told = re.findall(r"told to end \((\w+)\): by .* (\S+) holds step \d+ of 100 in epoch", printed)
    assert [name for name, _ in told] == ["SIGTERM", "SIGUSR1", "SIGTERM"]
    assert len({file for _, file in told}) == 1
    assert 4 <= run.submissions() <= 6
    assert "taken up from" in (run.folder / long_jobs.train_log).read_text()
    assert not (run.folder / RUNS / "mmoe/paper/.unfinished").exists()
    long_jobs.compare(run, long_jobs.train, Path(long_jobs.train).with_name("predictions.parquet"))


@pytest.mark.parametrize(
    ("scenario", "limit"), [(too_long, "runtime=2"), (too_large, "mem_mb=2000")]
)
def test_a_job_over_its_limit_is_tried_again_with_twice_as_much(outcomes, scenario, limit):
    run, printed = outcomes[scenario].result()

    assert run.submissions() == 2
    assert limit in printed.partition("Trying to restart")[2]
    assert (run.folder / f"results/{scenario.__name__}.txt").read_text() == WHOLE


def test_a_job_that_stays_over_its_limit_ends_in_one_clear_message(outcomes):
    run, printed = outcomes[hopeless].result()

    said = [line for line in printed.splitlines() if line.startswith("mtnas: SLURM ended")]
    assert len(said) == 2
    assert "rule_too_large/" in said[0]
    assert "it needed more memory than mem_mb" in said[0]
    assert "rule_too_long/" in said[1]
    assert "it took longer than runtime" in said[1]
    assert printed.count("Memory specification can not be satisfied") == 1
    assert not list(run.folder.glob("results/[!.]*.txt"))


def test_a_cluster_ends_with_whoever_started_it(site):
    code = (
        "import subprocess, sys, time\n"
        f"subprocess.Popen([sys.executable, {str(HERE / 'cluster.py')!r}], stdin=subprocess.PIPE)\n"
        "time.sleep(600)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as parent:
        folder = Path(parent.stdout.readline().partition(": ")[2].strip())
        daemons = [int(file.read_text()) for file in folder.glob("*.pid")]
        assert len(daemons) == 4
        os.kill(parent.pid, signal.SIGKILL)

    end = time.monotonic() + 60
    while folder.exists() or any(alive(pid) for pid in daemons):
        assert time.monotonic() < end
        time.sleep(0.2)
