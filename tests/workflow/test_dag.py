"""What would run: the grid of experiments as job counts; nothing is trained here."""

from collections import Counter

TOY = '''"""A toy: every task reads the input itself."""

from torch import Tensor, nn

from mtnas.config.options import MethodOptions


class Options(MethodOptions):
    """Options of the toy."""

    scale: float = 1.0


class Sharing(nn.Module):
    """No parameters at all."""

    def __init__(self, options: Options, *, input_dim: int, num_tasks: int) -> None:
        """Build for D = `input_dim` and T = `num_tasks`."""
        super().__init__()
        self.scale, self.num_tasks, self.output_dim = options.scale, num_tasks, input_dim

    def forward(self, x_BD: Tensor) -> Tensor:
        """Return h_BTD."""
        return self.scale * x_BD.unsqueeze(1).expand(-1, self.num_tasks, -1)
'''


def test_jobs_of_the_default_study(bare):
    assert bare.plan() == {
        "all": 1,
        "prepare": 2,
        "audit": 2,
        "search": 2 * 3,  # paper, inherit and finetune share one search
        "train": 2 * (4 + 5),
        "table": 3,
        "figure": 4,
        "subgraphs": 1,
        "claims": 1,
        "report": 1,
    }


def test_jobs_of_the_test_study(bare):
    plan = bare.plan("--configfile", "config/test.yaml")

    assert (plan["prepare"], plan["search"], plan["train"]) == (1, 3, 4 + 5 + 2)


def test_jobs_of_further_methods(bare):
    plan = bare.plan("--configfile", "config/more_methods.yaml")

    # Two searches learn besides the paper's: the variants of Table 5 have spaces of their own.
    assert (plan["prepare"], plan["search"], plan["train"]) == (2, 2 * 3, 2 * (9 + 3))
    assert (plan["table"], plan["figure"]) == (3 + 1, 4)  # Table 5, too


def test_jobs_of_all_claims(bare):
    plan = bare.plan("--configfile", "config/all_claims.yaml")

    # Table 5's two variants, the cut MMoE, three more depths and seven more widths.
    assert plan["train"] == 2 * (4 + 5 + 2 + 1 + 3 + 7)
    assert plan["search"] == 2 * (3 + 2 + 3 + 7)
    assert (plan["table"], plan["figure"]) == (3 + 1, 4 + 2)  # Table 5, and both sweeps


def test_jobs_of_a_tuned_study(bare):
    study = ("--configfile", "config/more_methods.yaml", "config/tuned.yaml")

    assert bare.plan("--configfile", "config/tuned.yaml")["tune"] == 2 * 4
    assert bare.plan(*study)["tune"] == 2 * 9  # every method but MTNAS: its options are the paper's


def test_mtnas_is_tuned_under_the_routes_that_were_searched_if_it_is_listed(bare):
    overlay = bare.write(
        "config/own.yaml", "tuning: {enabled: true, methods: [mtnas], options: {}}"
    )

    plan = bare.plan("--configfile", overlay)

    assert plan["tune"] == 2 * 3  # inherit and finetune have weights of the search
    assert plan["search"] == 2 * 3


def test_jobs_of_book_crossing(fresh):
    raw = fresh.folder / "raw"
    raw.mkdir()
    for name in ("BX-Book-Ratings.csv", "BX-Users.csv", "BX-Books.csv"):
        (raw / name).touch()
    overlay = ("--configfile", "config/bookcrossing.yaml")

    plan = fresh.plan(*overlay, "--config", "bookcrossing_raw=raw")
    fetched = fresh.plan(*overlay)

    assert (plan["prepare"], plan["search"], plan["train"]) == (1, 3, 9)
    assert fetched == plan + Counter({"download": 1, "unpack": 3})


def test_jobs_of_the_synthetic_study(bare):
    plan = bare.plan("--configfile", "config/synthetic.yaml")

    assert (plan["prepare"], plan["search"], plan["train"]) == (12, 12 * 3, 12 * 5)
    assert plan["figure"] == 6  # all but Figures 3 and 7
    assert "audit" not in plan


def test_jobs_of_the_synthetic_search_study(bare):
    study = ("--configfile", "config/synthetic.yaml", "config/synthetic_search_study.yaml")

    plan = bare.plan("exhaustives", *study)
    claims = bare.plan("claims", *study)

    # Two spaces for each of three values of rho; six searches in the one, four in the other.
    assert (plan["prepare"], plan["exhaustive"], plan["search"]) == (3, 3 * 2, 3 * (6 + 4))
    assert (plan["train"], plan["table"], plan["figure"]) == (0, 2, 2)
    assert claims["exhaustive_table"] == 3  # the control of claim C10


def test_jobs_of_the_simulated_study(bare):
    overlay = ("--configfile", "config/simulated.yaml")

    plan = bare.plan(*overlay)
    printed = bare.snakemake("-n", *overlay, "--config", "tiktok_raw=raw", ok=False)

    assert (plan["simulate"], plan["prepare"], plan["search"], plan["train"]) == (3, 3, 9, 27)
    assert "config/simulated.yaml: dataset_options.tiktok.simulate: 60000 rows to sim" in printed
    assert "Traceback" not in printed


def test_jobs_of_the_papers_study(fresh):
    files = ("BX-Book-Ratings.csv", "BX-Users.csv", "BX-Books.csv", "final_track2_train.txt")
    files += tuple(f"goodreads_{part}_poetry.json.gz" for part in ("interactions", "books"))
    (fresh.folder / "raw").mkdir()
    for name in files:
        (fresh.folder / "raw" / name).touch()
    folders = [f"{name}_raw=raw" for name in ("bookcrossing", "tiktok", "goodreads")]

    plan = fresh.plan("--configfile", "config/paper.yaml", "--config", *folders)

    assert (plan["simulate"], plan["prepare"], plan["search"], plan["train"]) == (0, 3, 9, 27)


def test_a_study_without_search_shows_the_methods_alone(bare):
    overlay = bare.write(
        "config/plain.yaml", "experiments: {main: {methods: [share_bottom, mmoe]}}\n"
    )

    plan = bare.plan("--configfile", overlay)

    assert (plan["train"], plan["figure"]) == (4, 1)
    assert "search" not in plan


def test_a_misspelt_method_stops_the_workflow_with_a_hint(bare):
    overlay = bare.write("config/typo.yaml", "experiments: {main: {methods: [mmeo]}}\n")

    printed = bare.snakemake("-n", "--configfile", overlay, ok=False)

    assert (
        "config/typo.yaml: experiments.main.methods: unknown method 'mmeo' (did you mean 'mmoe'?)"
        in printed
    )
    assert "Traceback" not in printed


def test_a_mistake_of_the_command_line_is_not_blamed_on_a_file(bare):
    printed = bare.snakemake("-n", "--config", "datasets=insteval", ok=False)

    assert "--config: datasets: 'insteval' must be of type list, such as [insteval]" in printed
    assert "Traceback" not in printed


def test_an_unknown_variant_of_a_target_is_named(bare):
    target = "results/runs/insteval/mtnas/inherits/metrics.csv"

    printed = bare.snakemake("-n", target, ok=False)

    assert "unknown variant of mtnas 'inherits' (did you mean 'inherit'?)" in printed


def test_a_new_method_file_needs_no_registration(fresh):
    fresh.write("src/mtnas/methods/toy.py", TOY)
    overlay = fresh.write(
        "config/toy.yaml",
        "datasets: [insteval]\n"
        "methods: {toy: {scale: 2}}\n"
        "experiments: {main: {methods: [toy, mmoe]}}\n",
    )

    assert fresh.trained("--configfile", overlay) == {"toy/paper", "mmoe/paper"}
    fresh.edit("config/toy.yaml", "scale", "scales")
    printed = fresh.snakemake("-n", "--configfile", overlay, ok=False)
    assert "methods.toy: unknown option 'scales' (did you mean 'scale'?)" in printed


def test_jobs_of_the_search_study(bare):
    overlay = bare.write(
        "config/space.yaml",
        "datasets: [insteval]\n"
        "variants:\n"
        "  mtnas:\n"
        "    tiny: &tiny {num_layers: 1, num_subnets: 2, query_scope: root, hidden_dim: 4}\n"
        "    tiny_exhaustive: {<<: *tiny, search: {strategy: exhaustive}}\n"
        "    tiny_inherit: {<<: *tiny, derive: inherit}\n"
        "exhaustive: {tiny: [tiny, tiny_exhaustive, tiny_inherit]}\n",
    )

    assert bare.plan("exhaustives", "--configfile", overlay) == {
        "exhaustives": 1,
        "prepare": 1,
        "exhaustive": 1,
        "exhaustive_table": 1,
        "search": 2,  # inherited weights share the search
        "train": 1,  # and cannot be looked up
        "table": 1,
        "figure": 1,
    }
    everything = bare.plan("--configfile", overlay)
    assert (everything["exhaustive"], everything["table"], everything["train"]) == (1, 3 + 1, 9 + 1)
    printed = bare.snakemake("-n", "results/tables/regret_tiny.md", ok=False)
    assert "unknown table of this study 'regret_tiny'" in printed


def test_the_search_study_is_valid(bare):
    plan = bare.plan("exhaustives", "--configfile", "config/search_study.yaml")

    assert (plan["exhaustive"], plan["exhaustive_table"], plan["table"]) == (2 * 2, 2, 2)
    assert plan["search"] > 2 * 20
