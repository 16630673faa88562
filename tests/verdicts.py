"""The verdict of every claim, computed from results/published with pandas and scipy alone.

Nothing of the library is imported: what agrees with its ledger was computed twice, by different
code. Rules: docs/reproduction.md and results/published/claims/claims.md. By itself,

    python tests/verdicts.py [results/published]

prints a line per claim, and exits with 1 if the ledger says otherwise.
"""

import json
import sys
from dataclasses import dataclass
from itertools import combinations, product
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
from scipy import stats

ALPHA = 0.05
COMPARED = ("share_bottom", "mmoe", "ml_mmoe")
SINGLE, MTNAS = ("single_task", "paper"), ("mtnas", "paper")
OTHERS = [(name, "paper") for name in COMPARED]
# What the paper speaks of; everything else is told and decides nothing.
THREE = ("bookcrossing", "tiktok", "goodreads")
DATA = dict.fromkeys(("C1", "C2", "C3", "C4", "C8", "C9", "C12", "C14"), THREE) | {
    "C5": ("goodreads",),
    "C6": ("bookcrossing",),
    "C7": ("bookcrossing", "unrelated"),
    "C10": ("unrelated",),
    "C13": ("goodreads",),
}


@dataclass
class Found:
    """One comparison: where, what it says, and how it counts."""

    dataset: str
    estimate: float
    low: float
    high: float
    verdict: str
    p: float | None = None
    role: str = "all"
    equal_suffices: bool = False
    holm: float | None = None


class Published:
    """The published numbers."""

    def __init__(self, folder):
        self.folder = Path(folder)
        metrics = pd.read_csv(self.folder / "metrics.csv.gz")
        metrics = metrics[(metrics["split"] == "test") & (metrics["metric"] != "log_loss")]
        name = metrics["metric"] + "_" + metrics["task"]
        metrics["score"] = name.str.replace("mtl_loss_all", "mtl_loss")
        self.metrics = metrics
        self.records = {tuple(k.split("/")): r for k, r in self.read("runs.json").items()}
        inventory = self.read("inventory.json")
        self.runs = [
            tuple(run.split("/"))
            for run in dict.fromkeys(r for of in inventory["experiments"].values() for r in of)
        ]
        datasets = list(dict.fromkeys(d for d, _, _ in self.runs))
        drawn = {d: r["synthetic"] for (d, _, _), r in self.records.items() if r.get("synthetic")}
        stand_ins = {d for (d, _, _), r in self.records.items() if r["simulated"]} - drawn.keys()
        self.real = [d for d in datasets if d not in drawn and d not in stand_ins]
        self.unrelated = [d for d in datasets if d in drawn and drawn[d]["rho"] == 0]
        self.drawn = set(drawn)

    def speaks_of(self, claim, dataset):
        data = DATA.get(claim, ())
        also = self.unrelated if "unrelated" in data else []
        return not data or not dataset or dataset in (*data, *also)

    def facts(self, dataset):
        return self.read(f"data/{dataset}.json")

    def overlap(self, dataset, row=MTNAS):
        """Return `overlap_of` a dataset where seeds split one table, else None."""
        spec = self.records.get((dataset, *row), {"spec": {}})["spec"]
        facts = self.facts(dataset)
        own = dataset in self.drawn or spec.get("fixed_split") or facts["split_kind"] != "random"
        return None if own else overlap_of(facts)

    def read(self, name):
        return json.loads((self.folder / name).read_text())

    def has(self, dataset, *rows):
        return all((dataset, *row) in self.runs for row in rows)

    def scores(self, dataset, kind, row=MTNAS):
        """Name the AUCs (`auc`) or the loss (`mtl_loss`) of a run."""
        found = self._of(dataset, row)["score"].unique()
        return [name for name in found if name.startswith(kind)]

    def by_seed(self, dataset, row, score):
        lines = self._of(dataset, row)
        found = lines[lines["score"] == score].set_index("seed")["value"].sort_index()
        return self.by_split(dataset, row, found)

    def by_split(self, dataset, row, values):
        """Return the mean over the restarts of each split, whose seeds are a million apart."""
        training = self.records[dataset, *row]["spec"].get("training") or {}
        if training.get("restarts", 1) == 1:
            return values
        assert training["of_restarts"] == "mean", "no claim reads the best of restarts"
        return values.groupby(values.index % 1_000_000).mean()

    def _of(self, dataset, row):
        m = self.metrics
        keep = (m["dataset"] == dataset) & (m["method"] == row[0]) & (m["variant"] == row[1])
        return m[keep]

    def search(self, dataset, variant="paper"):
        """Return the learned routes of a variant, or None."""
        path = self.folder / "routes" / dataset / "mtnas" / f"{variant}.json"
        content = json.loads(path.read_text()) if path.is_file() else None
        if not content or content["strategy"] != "reinforce":
            return None
        # Routes are compared by the first restart of each split.
        first = {seed: of for seed, of in content["seeds"].items() if int(seed) < 1_000_000}
        return content | {"first": first}

    def sweep(self, dataset, kind, option):
        """Return the variants of a sweep by the value of what is swept."""
        rows = [v for d, m, v in self.runs if (d, m) == (dataset, "mtnas")]
        rows = [v for v in rows if v == "paper" or v.startswith(f"{kind}_")]
        values = {
            self.records[dataset, "mtnas", v]["spec"].get("options", {}).get(option): v
            for v in reversed(rows)
        }
        return {value: values[value] for value in sorted(v for v in values if v is not None)}


def by_interval(mean, low, high, null, above):
    if low <= null <= high:
        return "inconclusive"
    return "replicated" if (mean > null) == above else "contradicted"


def overlap_of(facts):
    """Return the test rows per training row, and how many seeds in a row test disjoint rows."""
    sizes = facts["split_sizes"]
    folds = sum(sizes.values()) // sizes["test"]
    disjoint = (facts["spec"] or {}).get("splits") == "disjoint"
    return sizes["test"] / sizes["train"], folds if disjoint else 1


def widening(overlap, n):
    """Return by how much the variance of a mean of n seeds exceeds that of independent ones.

    Seeds of two repetitions share rows, so their values correlate; so do those of random splits,
    each of which is a repetition of its own. Their sample variance is then too small.
    """
    if not overlap:
        return 1.0
    share, folds = overlap
    repetition = np.arange(n) // folds
    apart = repetition[:, None] != repetition[None, :]
    correlation = np.where(apart, share / (1 + share), 0.0) + np.eye(n)
    expected = (n - n * correlation.mean()) / max(n - 1, 1)  # of a sample variance
    return n * correlation.mean() / expected if expected else 1.0


def judge(dataset, values, above, overlap, null=0.0, margin=None, **more):
    """Test the mean of some values; the margin is that of equivalence to the null value.

    The corrected t of overlapping splits is the plain one of values that lie as much further apart.
    """
    values = np.asarray(values, dtype=float)
    wider = np.sqrt(widening(overlap, len(values)))
    values = values.mean() + (values - values.mean()) * wider
    if np.ptp(values) == 0:  # no spread: certain
        mean, p = values[0], 1.0 if values[0] == null else 0.0
        low = high = mean
    else:
        test = stats.ttest_1samp(values, null)
        (low, high), mean, p = test.confidence_interval(1 - ALPHA), values.mean(), test.pvalue
    verdict = by_interval(mean, low, high, null, above)
    if margin is not None and verdict == "inconclusive":
        below = stats.ttest_1samp(values, null + margin, alternative="less").pvalue
        over = stats.ttest_1samp(values, null - margin, alternative="greater").pvalue
        verdict = "equivalent" if max(below, over) < ALPHA else "inconclusive"
    return Found(dataset, mean, low, high, verdict, float(p), **more)


def paired(published, dataset, ours, other, score, above=None, **more):
    """Compare two runs over the seeds that both have."""
    both = pd.concat(
        [published.by_seed(dataset, ours, score), published.by_seed(dataset, other, score)],
        axis=1,
        join="inner",
        keys=["a", "b"],
    )
    auc = score.startswith("auc")
    margin = 0.001 if auc else 0.001 * abs(both["b"].mean())
    gap = both["a"] - both["b"]
    side, overlap = auc if above is None else above, published.overlap(dataset, ours)
    return judge(dataset, gap, side, overlap, margin=margin, **more)


def better(published, datasets, ours, others, kinds, **more):
    return [
        paired(published, dataset, ours, other, score, **more)
        for dataset in datasets
        if published.has(dataset, ours, *others)
        for other in others
        for kind in kinds
        for score in published.scores(dataset, kind, ours)
    ]


def negative_transfer(published):
    found = []
    for dataset in published.real:
        if not published.has(dataset, SINGLE, MTNAS, *OTHERS):
            continue
        for score in published.scores(dataset, "auc"):
            found += [
                paired(published, dataset, row, SINGLE, score, above=False, role="some")
                for row in OTHERS
            ]
            found.append(paired(published, dataset, MTNAS, SINGLE, score, equal_suffices=True))
    return found


def sparsity(published):
    found = []
    for dataset in published.real:
        if search := published.search(dataset):
            space = search["space"]
            layers, width, tasks = space["num_layers"], space["num_subnets"], space["num_tasks"]
            full = (layers - 1) * width**2 + tasks * width
            edges = [seed["edges"] for seed in search["first"].values()]
            low, high = min(edges) - full, max(edges) - full
            verdict = "replicated" if high < 0 else "contradicted"
            found.append(Found(dataset, high, low, high, verdict))
    return found


def subsets(names):
    return [c for n in range(1, len(names) + 1) for c in combinations(names, n)]


def reached(blocks, name):
    """Return the sub-networks that feed a node: values, and queries of gates that matter."""
    own = {name} if name.startswith("s") else set()
    if name not in blocks:
        return own
    values, query = blocks[name]["values"], blocks[name]["query"]
    below = [*values, *([query] if query is not None and len(values) > 1 else [])]
    return own.union(*(reached(blocks, node) for node in below))


def relatedness(published):
    found, points = [], {}
    for dataset in published.real:
        search, path = published.search(dataset), published.folder / "data" / f"{dataset}.json"
        if search and path.is_file():
            facts = json.loads(path.read_text())
            pcc, names = facts["label_pcc"], [task["name"] for task in facts["tasks"]]
            tasks = [f"t{i}" for i in range(search["space"]["num_tasks"])]
            named = dict(zip(combinations(tasks, 2), combinations(names, 2), strict=True))
            known = {pair: pcc.get("_".join(names)) for pair, names in named.items()}
            pairs = [pair for pair, value in known.items() if value is not None]
            lines = {}
            for seed, entry in search["first"].items():
                sets = {task: reached(entry["blocks"], task) for task in tasks}
                lines[int(seed)] = [
                    len(sets[a] & sets[b]) / len(sets[a] | sets[b]) for a, b in pairs
                ]
            shared = pd.DataFrame.from_dict(lines, orient="index").sort_index()
            points[dataset] = ([known[pair] for pair in pairs], shared)
    for dataset, (x, shared) in points.items():
        if len(set(x)) > 2:
            found.append(slopes(dataset, x, shared, published.overlap(dataset)))
    return found


def slopes(dataset, x, shared, overlap):
    found = [stats.linregress(x, y).slope for y in shared.to_numpy(float)]
    return judge(dataset, found, True, overlap)


def gate_scores(published):
    found = []
    for dataset in [*published.real, *published.unrelated]:
        gates = published.records.get((dataset, "mmoe", "paper"), {}).get("gates")
        if gates and published.has(dataset, ("mmoe", "paper")):
            least = pd.Series({int(seed): np.min(scores) for seed, scores in gates.items()})
            smallest = published.by_split(dataset, ("mmoe", "paper"), least)
            half = 0.5 / np.shape(next(iter(gates.values())))[1]
            overlap = published.overlap(dataset, ("mmoe", "paper"))
            found += [
                judge(dataset, smallest, False, overlap, null=half),
                judge(dataset, smallest, True, overlap),
            ]
    return found


def unrelated_tasks(published):
    found = []
    for dataset in published.unrelated:
        for other in OTHERS[:2] if published.has(dataset, MTNAS, *OTHERS[:2]) else ():
            ours, theirs = (published.by_seed(dataset, r, "mtl_loss") for r in (MTNAS, other))
            logs = judge(dataset, np.log(ours / theirs).dropna(), False, None, margin=0.001)
            ends = (np.exp(value) for value in (logs.estimate, logs.low, logs.high))
            found.append(Found(dataset, *ends, logs.verdict, logs.p))
    return found


def disjoint(published):
    shares = {}
    for dataset in published.unrelated:
        if search := published.search(dataset):
            blocks = [entry["blocks"] for entry in search["first"].values()]
            apart = [not (reached(b, "t0") & reached(b, "t1")) for b in blocks]
            shares.setdefault(json.dumps(search["space"], sort_keys=True), []).append(apart)
    found = []
    for space, settings in shares.items():
        # A seed draws the same routes in every setting: as many searches as seeds.
        n, share, chance = (
            len(settings[0]),
            np.mean(settings),
            chance_of_disjoint(json.loads(space)),
        )
        k = share * n
        low = stats.beta.ppf(ALPHA / 2, k, n - k + 1) if k else 0.0
        high = stats.beta.ppf(1 - ALPHA / 2, k + 1, n - k) if k < n else 1.0
        found.append(Found("", share, low, high, by_interval(share, low, high, chance, above=True)))
        found[-1].p = 1.0  # the ledger draws its chance
    return found


def chance_of_disjoint(space):
    """Count the routes of a space of one layer in which two tasks share nothing."""
    assert (space["num_layers"], space["num_tasks"]) == (1, 2), "only counted for one layer"
    names = [f"s{i + 1}" for i in range(space["num_subnets"])]
    asked = ["root"] if space["query_scope"] == "root" else ["root", *names]
    choices = product(map(set, subsets(names)), asked)
    local = [s | ({q} - {"root"} if len(s) > 1 else set()) for s, q in choices]
    return np.mean([not (a & b) for a, b in product(local, local)])


def layers(published):
    found = []
    for dataset in published.real:
        variants = published.sweep(dataset, "depth", "num_layers")
        if not {1, 2, 3, 4} <= variants.keys():
            continue
        for depth in (1, 2, 3):
            first, second = (("mtnas", variants[d]) for d in (depth, depth + 1))
            for score in [*published.scores(dataset, "auc", first), "mtl_loss"]:
                both = pd.concat(
                    [published.by_seed(dataset, row, score) for row in (second, first)],
                    axis=1,
                    join="inner",
                    keys=["a", "b"],
                )
                auc = score.startswith("auc")
                above = auc == (depth == 1)  # two layers lose little, more gain little
                margin = 0.001 if auc else 0.001 * abs(both["b"].mean())
                null = -margin if above else margin
                overlap = published.overlap(dataset, second)
                found.append(judge(dataset, both["a"] - both["b"], above, overlap, null=null))
    return found


def subnets(published):
    found = []
    for dataset in published.real:
        variants = published.sweep(dataset, "subnets", "num_subnets")
        searches = {size: published.search(dataset, v) for size, v in variants.items()}
        if len(variants) < 4 or not all(searches.values()):
            continue
        sizes = list(variants)
        low, mid, high = sizes[0], sizes[len(sizes) // 2], sizes[-1]
        for scores in (published.scores(dataset, "auc"), ["mtl_loss"]):
            gains, bends = [], []
            for score in scores:
                a, b, c = (
                    published.by_seed(dataset, ("mtnas", variants[size]), score)
                    for size in (low, mid, high)
                )
                gain = (b - a) / (mid - low)
                bends.append((gain - (c - b) / (high - mid)).dropna())
                gains.append(gain[bends[-1].index])
            for values in (gains, bends):
                side, overlap = scores[0].startswith("auc"), published.overlap(dataset)
                found.append(judge(dataset, np.mean(values, axis=0), side, overlap))
        seconds = [s["timings"]["search_seconds"] / len(s["seeds"]) for s in searches.values()]
        fit = stats.linregress(sizes, np.log2(seconds))
        half = stats.t.ppf(1 - ALPHA / 2, len(sizes) - 2) * fit.stderr
        ends = fit.slope - half, fit.slope + half
        verdict = by_interval(fit.slope, *ends, 0.0, above=True)
        found.append(Found(dataset, fit.slope, *ends, verdict, fit.pvalue))
    return found


def cost(published):
    found = []
    for dataset in published.real:
        search = published.search(dataset)
        if not search or not published.has(dataset, *OTHERS):
            continue
        own = published.records[dataset, *MTNAS]
        alike = [own[k] == search[k] for k in ("code", "environment")]
        rows = [row for row in OTHERS if all(alike) and beside(own, published, dataset, row)]
        step = search["timings"]["search_seconds"] / sum(
            seed["weight_steps"] for seed in search["seeds"].values()
        )
        ratios = [step / training_step(published, dataset, row) for row in rows or OTHERS]
        low, mean, high = min(ratios), stats.gmean(ratios), max(ratios)
        verdict = by_interval(mean, low, high, 2.0, above=False)
        verdict = verdict if rows == OTHERS else "inconclusive"
        found.append(Found(dataset, mean, low, high, verdict))
    return found


def beside(own, published, dataset, row):
    """Whether a run was timed on the day of another: by one commit, in one environment."""
    other = published.records[dataset, *row]
    same = own["environment"] == other["environment"]
    return same and own["git"]["commit"] == other["git"]["commit"]


def training_step(published, dataset, row):
    record = published.records[dataset, *row]
    batch = (record["spec"]["training"] or {}).get("batch_size", 512)
    batches = max(1, published.facts(dataset)["split_sizes"]["train"] // batch)
    epochs = sum(len(fit["train_loss"]) for fit in record["fits"])
    return record["timings"]["train_seconds"] / (batches * epochs)


def subgraphs(published):
    found = []
    for check in published.read("claims/subgraphs.json")["checks"]:
        low, high = check["min_difference"], check["max_difference"]
        verdict = "replicated" if high < 1e-12 else "contradicted"
        found.append(Found("", high, low, high, verdict))
    return found


def tables(published):
    """Yield every small space: dataset, overlap of splits, its lines, and its record."""
    judged = published.read("inventory.json").get("judged", {})
    for dataset in dict.fromkeys(name for of in judged.values() for name in of):
        file = pq.read_table(published.folder / "exhaustive" / f"{dataset}.parquet")
        records = json.loads(file.schema.metadata[b"mtnas"])["spaces"]
        for space, lines in file.to_pandas().groupby("space", sort=False):
            drawn = records[space]["spec"]["synthetic"]
            overlap = None if drawn else overlap_of(published.facts(dataset))
            yield dataset, overlap, lines, records[space]


def below(dataset, gap, other, overlap):
    return judge(dataset, gap, False, overlap, margin=0.001 * abs(other.mean()))


def sparse(published):
    found = []
    for dataset, overlap, lines, _ in tables(published):
        dense = lines["edges"] == lines["edges"].max()
        full = lines[dense].set_index("seed")["test_loss"].sort_index()
        blind = lines[~dense].groupby("seed")["test_loss"].mean()
        found.append(below(dataset, blind - full, full, overlap))
    return [
        *found,
        *controls(published, [("random_routes", "full_sharing"), ("paper", "full_sharing")]),
    ]


def controls(published, pairs):
    """Compare runs of MTNAS on all datasets that have both."""
    rows = [[("mtnas", variant) for variant in pair] for pair in pairs]
    return [
        paired(published, dataset, ours, other, "mtl_loss", above=False)
        for dataset in dict.fromkeys(d for d, _, _ in published.runs)
        for ours, other in rows
        if published.has(dataset, ours, other)
    ]


def search_or_chance(published):
    found = []
    for dataset, overlap, lines, record in tables(published):
        own, losses = published.search(dataset), lines.set_index(["describe", "seed"])["test_loss"]
        for path in (published.folder / "routes" / dataset / "mtnas").glob("*.json"):
            search = json.loads(path.read_text())
            alike = search["space"] == record["space"] and own is not None
            told, spec = search["spec"], record["spec"]
            alike = alike and told["options"] == spec["options"]
            shares = [(of["training"] or {}).get("train_share", 1) for of in (told, spec)]
            alike = alike and shares[0] == shares[1]
            if alike and search["spec"]["search"] == own["spec"]["search"]:
                picks = {int(s): losses[r["describe"], int(s)] for s, r in search["seeds"].items()}
                blind = lines.groupby("seed")["test_loss"].mean()
                found.append(below(dataset, pd.Series(picks) - blind, blind, overlap))
    return [*found, *controls(published, [("paper", "random_routes")])]


FIXED = [
    SINGLE, ("share_bottom", "paper"), ("share_bottom", "own_tables"), ("stem", "paper"),
    ("mtnas", "tables_own"), ("mtnas", "tables_both"), ("mtnas", "tables_two_shared"),
    ("mtnas", "tables_wide"), ("mtnas", "full_sharing"),
]  # fmt: skip
CLAIMS = {
    "C1": lambda p: better(p, p.real, MTNAS, [SINGLE, *OTHERS], ["auc"]),
    "C2": lambda p: better(p, p.real, MTNAS, OTHERS, ["mtl_loss"]),
    "C3": negative_transfer,
    "C4": sparsity,
    "C5": relatedness,
    "C6": lambda p: better(
        p, ["bookcrossing"], ("cut_mmoe", "paper"), [("mmoe", "paper")], ["auc", "mtl_loss"]
    ),
    "C7": gate_scores,
    "C8": lambda p: better(p, p.real, MTNAS, [("mtnas", "mean_pooling")], ["mtl_loss"]),
    "C9": lambda p: better(p, p.real, MTNAS, [("mtnas", "no_query_selection")], ["mtl_loss"]),
    "C10": unrelated_tasks,
    "C11": disjoint,
    "C12": layers,
    "C13": subnets,
    "C14": cost,
    "C15": subgraphs,
    "C16": sparse,
    "C17": search_or_chance,
    "C18": lambda p: better(
        p, p.real, ("mtnas", "tables_trained"), FIXED, ["mtl_loss"], equal_suffices=True
    ),
}


def adjust(found):
    """Give each comparison Holm's p-value over all of a claim."""
    tested = sorted((f for f in found if f.p is not None), key=lambda f: f.p)
    largest = 0.0
    for rank, comparison in enumerate(tested):
        largest = max(largest, min(1.0, (len(tested) - rank) * comparison.p))
        comparison.holm = largest


def overall(found):
    """Judge a claim by its comparisons."""
    sure = [f.holm is None or f.holm < ALPHA for f in found]
    holds = [
        f.verdict == "replicated" or (f.equal_suffices and f.verdict == "equivalent") for f in found
    ]
    needed = [i for i, f in enumerate(found) if f.role == "all"]
    some = [i for i, f in enumerate(found) if f.role == "some"]
    if not found:
        return "not measured"
    if any(found[i].verdict == "contradicted" and sure[i] for i in needed):
        return "contradicted"
    if some and all(found[i].verdict == "contradicted" for i in some):
        return "contradicted"
    if all(holds[i] for i in needed) and (not some or any(holds[i] and sure[i] for i in some)):
        return "replicated"
    return "equivalent" if all(f.verdict == "equivalent" for f in found) else "inconclusive"


def recompute(folder):
    """Return by claim its comparisons and its verdict."""
    published, claims = Published(folder), {}
    for name, compute in CLAIMS.items():
        found = compute(published)
        counted = [f for f in found if published.speaks_of(name, f.dataset)]
        beyond = [f for f in found if not published.speaks_of(name, f.dataset)]
        adjust(counted)
        adjust(beyond)
        claims[name] = ([*counted, *beyond], overall(counted))
    return claims


def main(folder="results/published"):
    """Print both verdicts of every claim; tell whether they agree."""
    entries = json.loads((Path(folder) / "claims" / "claims.json").read_text())
    ledger = {c["id"]: c["verdict"] for c in entries if c["id"].startswith("C")}
    found = {name: verdict for name, (_, verdict) in recompute(folder).items()}
    for name, verdict in found.items():
        print(f"{name:4} {verdict:13} {'' if verdict == ledger[name] else ledger[name] + ' (!)'}")
    return int(found != ledger)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
