"""What would run: plans of the real workflow; nothing is trained here.

How many runs and searches a study has, `tests/study/test_plan.py` counts without Snakemake.
"""

import re
from collections import Counter

import pytest

from tests.conftest import Checkout, Plan

PARSED = """
print("IMPORTED", [name for name in ("torch", "matplotlib", "scipy.stats") if name in sys.modules])
"""
TOY = '''"""A toy: every task reads the input itself."""

from torch import Tensor

from mtnas.config.options import MethodOptions
from mtnas.methods.parts.sharing import BaseSharing


class Options(MethodOptions):
    """Options of the toy."""

    scale: float = 1.0


class Sharing(BaseSharing):
    """No parameters at all."""

    def __init__(self, options: Options, *, input_dim: int, num_tasks: int) -> None:
        """Build for D = `input_dim` and T = `num_tasks`."""
        super().__init__()
        self.scale, self.num_tasks, self.output_dim = options.scale, num_tasks, input_dim

    def forward(self, x_BD: Tensor) -> Tensor:
        """Return h_BTD."""
        return self.scale * x_BD.unsqueeze(1).expand(-1, self.num_tasks, -1)
'''


@pytest.fixture(scope="module")
def default(tmp_path_factory):
    """What Snakemake prints of the default study, and what it had imported to do so."""
    checkout = Checkout.new(tmp_path_factory.mktemp("default") / "checkout")
    with (checkout.folder / "Snakefile").open("a") as file:
        file.write(PARSED)
    return checkout.snakemake("-n")


def test_parsing_imports_nothing_that_computes_or_draws(default):
    assert set(re.findall(r"IMPORTED (.*)", default)) == {"[]"}


def test_jobs_of_the_default_study(default):
    assert Plan.read(default).jobs == {
        "all": 1,
        "convert": 2,
        "prepare": 2,
        "audit": 2,
        "search": 2 * 3,  # paper, inherit and finetune share one search
        "train": 2 * (4 + 5),
        "table": 3,
        "figure": 5,
        "subgraphs": 1,
        "claims": 1,
        "answer": 1,
        "report": 1,
    }


def test_jobs_of_all_claims_tuned(bare):
    jobs = bare.plan("--configfile", "config/all_claims.yaml", "config/tuned.yaml").jobs

    runs = 4 + 5 + 2 + 1 + 3 + 7
    tuned = 4 + 1  # the cut MMoE is an MMoE
    assert (jobs["search"], jobs["tune"], jobs["train"]) == (2 * 15, 2 * tuned, 2 * runs)
    assert (jobs["table"], jobs["figure"]) == (3 + 1, 5 + 2)  # Table 5, and both sweeps


def test_jobs_of_datasets_that_come_with_a_package_and_of_one_that_is_fetched(bare):
    names = ("gss", "nmes", "flights", "bookcrossing")
    overlays = (f"config/{name}.yaml" for name in names)

    plan = bare.plan("--configfile", *overlays, "--config", f"datasets=[{','.join(names)}]")

    jobs = plan.jobs
    assert (jobs["convert"], jobs["prepare"], jobs["audit"]) == (3, 4, 4)
    assert (jobs["download"], jobs["unpack"]) == (1, 3)
    assert (jobs["search"], jobs["train"]) == (4 * 3, 4 * 9)


def test_jobs_of_the_synthetic_study(bare):
    jobs = bare.plan("--configfile", "config/synthetic.yaml").jobs

    assert (jobs["prepare"], jobs["search"], jobs["train"]) == (12, 12 * 3, 12 * 5)
    assert jobs["figure"] == 7  # all but Figures 3 and 7
    assert "audit" not in jobs


def test_jobs_of_the_claims_of_the_synthetic_search_study(bare):
    study = ("--configfile", "config/synthetic.yaml", "config/synthetic_search_study.yaml")

    jobs = bare.plan("claims", *study).jobs

    # Two spaces for each of three values of rho; each has its table for the control of claim C10.
    assert (jobs["exhaustive"], jobs["exhaustive_table"]) == (3 * 2, 3)


def test_jobs_of_the_simulated_study(bare):
    jobs = bare.plan("--configfile", "config/simulated.yaml").jobs

    assert (jobs["simulate"], jobs["prepare"], jobs["search"], jobs["train"]) == (3, 3, 9, 27)


def test_jobs_of_the_diagnoses(bare):
    jobs = bare.plan("diagnoses", "--configfile", "config/diagnose.yaml").jobs

    assert (jobs["prepare"], jobs["measure_tasks"], jobs["recommend"]) == (2, 2, 2)
    assert jobs["train_subsets"] == 2 * 2  # with one embedding table for all tasks, or one for each
    assert "train" not in jobs
    whole = bare.plan("--configfile", "config/diagnose.yaml").jobs
    assert (whole["recommend"], whole["train_subsets"]) == (2, 4)


def test_an_unknown_variant_of_a_target_is_named(bare):
    target = "results/runs/insteval/mtnas/inherits/metrics.csv"

    printed = bare.snakemake("-n", target, ok=False)

    assert "unknown variant of mtnas 'inherits' (did you mean 'inherit'?)" in printed


def test_jobs_of_a_search_study_without_other_searches_and_with_a_new_method_file(fresh):
    fresh.write("src/mtnas/methods/toy.py", TOY)
    overlay = fresh.write(
        "config/space.yaml",
        "datasets: [insteval]\n"
        "methods: {toy: {scale: 2}}\n"
        "experiments: {main: {methods: [toy, share_bottom, mmoe]}}\n"
        "variants:\n"
        "  mtnas:\n"
        "    tiny: &tiny {num_layers: 1, num_subnets: 2, query_scope: root, hidden_dim: 4}\n"
        "    tiny_exhaustive: {<<: *tiny, search: {strategy: exhaustive}}\n"
        "    tiny_inherit: {<<: *tiny, derive: inherit}\n"
        "exhaustive: {tiny: [tiny, tiny_exhaustive, tiny_inherit]}\n",
    )

    plan = fresh.plan("--configfile", overlay)

    space = {
        "exhaustive": 1,
        "exhaustive_table": 1,
        "search": 2,  # inherited weights share the search
        "table": 3 + 1,  # Tables 1, 2 and 4, and the regret
        "figure": 1 + 1 + 1,  # the answer, Figure 1, and all routes in order
    }
    assert plan.jobs.items() >= Counter(space).items()
    # Inherited weights cannot be looked up; the toy is registered nowhere.
    assert plan.trained == {"toy/paper", "share_bottom/paper", "mmoe/paper", "mtnas/tiny_inherit"}

    fresh.edit(overlay, "scale: 2", "scales: 2")
    printed = fresh.snakemake("-n", "--configfile", overlay, ok=False)
    assert f"{overlay}: methods.toy: unknown key 'scales' (did you mean 'scale'?)" in printed
    assert "Traceback" not in printed


def test_jobs_of_subsets_of_tasks(bare):
    overlay = bare.write(
        "config/pairs.yaml",
        "datasets: [insteval]\n"
        "experiments: {main: {methods: [share_bottom]}}\n"
        "variants: {mmoe: {wide: {num_experts: 5}}}\n"
        "tuning: {enabled: true, methods: [mmoe], training: {learning_rate: [0.1]}}\n"
        "subsets:\n"
        "  pairs: {methods: [share_bottom, mmoe], variants: {mmoe: [wide]}, tasks: pairs}\n"
        "  all: {methods: [share_bottom]}\n",
    )

    jobs = bare.plan("publish", "--configfile", overlay).jobs

    assert (jobs["train_subsets"], jobs["train"], jobs["tune"]) == (3, 1, 1)
    wrong = "results/subsets/pears/insteval/share_bottom/paper/scores.csv"
    printed = bare.snakemake("-n", wrong, "--configfile", overlay, ok=False)
    assert "unknown set of subsets 'pears' (did you mean 'pairs'?)" in printed
