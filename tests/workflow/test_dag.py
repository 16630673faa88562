"""What would run: plans of the real workflow; nothing is trained here.

A plan takes Snakemake seconds, so each of these asks for several studies at once. How many runs and
searches a study has, `tests/study/test_plan.py` counts without Snakemake.
"""

import os
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
    """What Snakemake prints of the default study in another folder, and what it had imported."""
    folder = tmp_path_factory.mktemp("default")
    checkout = Checkout.new(folder / "checkout")
    snakefile = checkout.folder / "Snakefile"
    with snakefile.open("a") as file:
        file.write(PARSED)
    here = folder / "else where"
    here.mkdir()
    return checkout.snakemake("-n", "-s", os.path.relpath(snakefile, here), here=here)


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
        "simulated_study": 1,
        "table": 3,
        "figure": 5 + 3,  # the demonstration, and two drawings of its model
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
    assert (jobs["table"], jobs["figure"]) == (3 + 1, 8 + 2)  # Table 5, and both sweeps


def test_jobs_of_datasets_of_packages_of_one_that_is_fetched_and_of_simulated_ones(bare):
    names = ("gss", "nmes", "flights", "bookcrossing", "tiktok", "goodreads")
    overlay = bare.write(
        "config/six.yaml",
        f"datasets: [{', '.join(names)}]\n"
        "dataset_options: {tiktok: {simulate: 60000}, goodreads: {simulate: 40000}}\n",
    )

    jobs = bare.plan("--configfile", overlay).jobs

    assert (jobs["convert"], jobs["prepare"], jobs["audit"]) == (3, 6, 6)
    assert (jobs["download"], jobs["unpack"], jobs["simulate"]) == (1, 3, 2)
    assert (jobs["search"], jobs["train"]) == (6 * 3, 6 * 9)


def test_jobs_of_the_synthetic_search_study(bare):
    study = ("--configfile", "config/synthetic.yaml", "config/synthetic_search_study.yaml")

    jobs = bare.plan(*study).jobs

    # Two spaces for each of three values of rho; each has its table for the control of claim C10.
    assert (jobs["exhaustive"], jobs["exhaustive_table"], jobs["prepare"]) == (3 * 2, 3, 3)
    assert "audit" not in jobs


def test_jobs_of_the_diagnoses_and_of_studies_of_planted_tasks(bare):
    planted = bare.write(
        "config/planted.yaml",
        "simulated_studies: {studies: [demonstration, covariance, capacity_linear]}\n",
    )
    study = ("--configfile", "config/diagnose.yaml", planted)

    jobs = bare.plan("diagnoses", "simulated_studies", "results/report.html", *study).jobs

    assert (jobs["prepare"], jobs["measure_tasks"], jobs["recommend"]) == (2, 2, 2)
    assert jobs["train_subsets"] == 2 * 2  # with one embedding table for all tasks, or one for each
    assert jobs["simulated_study"] == 3


def test_an_unknown_variant_of_a_target_is_named(bare):
    target = "results/runs/insteval/mtnas/inherits/metrics.csv"

    printed = bare.snakemake("-n", target, ok=False)

    assert "unknown variant of mtnas 'inherits' (did you mean 'inherit'?)" in printed


def test_jobs_of_spaces_subsets_and_tuning_with_a_new_method_file(fresh):
    fresh.write("src/mtnas/methods/toy.py", TOY)
    fresh.write("config/datasets/broken.yaml", "feilds: [a]\n")  # which no study names
    overlay = fresh.write(
        "config/space.yaml",
        "datasets: [insteval]\n"
        "methods: {toy: {scale: 2}}\n"
        "experiments: {main: {methods: [toy, share_bottom, mmoe]}}\n"
        "variants:\n"
        "  mmoe: {wide: {num_experts: 5}}\n"
        "  mtnas:\n"
        "    tiny: &tiny {num_layers: 1, num_subnets: 2, query_scope: root, hidden_dim: 4}\n"
        "    tiny_exhaustive: {<<: *tiny, search: {strategy: exhaustive}}\n"
        "    tiny_inherit: {<<: *tiny, derive: inherit}\n"
        "exhaustive: {tiny: [tiny, tiny_exhaustive, tiny_inherit]}\n"
        "tuning: {enabled: true, methods: [mmoe], training: {learning_rate: [0.1]}}\n"
        "subsets:\n"
        "  pairs: {methods: [share_bottom, mmoe], variants: {mmoe: [wide]}, tasks: pairs}\n"
        "  all: {methods: [share_bottom]}\n",
    )

    plan = fresh.plan("all", "publish", "--configfile", overlay)

    expected = {
        "exhaustive": 1,
        "exhaustive_table": 1,
        "search": 2,  # inherited weights share the search
        "table": 3 + 1,  # Tables 1, 2 and 4, and the regret
        "figure": 3 + 3,  # the answer, Figure 1, and all routes in order; of the demonstration
        "train_subsets": 3,
        "tune": 2,  # mmoe and its variant, which only subsets have
        "publish": 1,
    }
    assert plan.jobs.items() >= Counter(expected).items()
    # Inherited weights cannot be looked up; the toy is registered nowhere.
    assert plan.trained == {"toy/paper", "share_bottom/paper", "mmoe/paper", "mtnas/tiny_inherit"}
