"""One side of the benchmark of many seeds, in a process of its own: train MMoE on InstEval.

`python -m benchmarks.seeds ours|plain TABLE MANIFEST EPOCHS SEED...` trains a model of every seed
and prints the mean test AUC of every task. `plain` is what one would write by hand: a model with
torch's fused Adam, the weights of the epoch with the least validation loss.
"""

import copy
import json
import sys
from pathlib import Path

import numpy as np
import torch
from sklearn.metrics import roc_auc_score
from torch import Tensor, nn

from benchmarks import torch_dense
from benchmarks import work as w
from mtnas.data.prepare.store import read_compact

SHARES = (0.7, 0.85)  # of the rows: where training and validation end


def ours(table: Path, manifest: Path, epochs: int, seeds: list[int]) -> list[float]:
    """Train all seeds as a job of the workflow does."""
    from mtnas.experiments.job import Job
    from mtnas.experiments.train import train
    from mtnas.study.specs import RunSpec

    spec = {
        "dataset": "insteval", "method": "mmoe", "variant": "paper", "seeds": seeds,
        "fixed_split": False, "options": {"hidden_dim": w.EXPERT_DIM}, "budget": None,
        "training": {"epochs": epochs, "patience": epochs},
    }  # fmt: skip
    scores = train(RunSpec.of(spec), Job(table=table, manifest=manifest)).metrics
    test = scores[(scores["split"] == "test") & (scores["metric"] == "auc")]
    return [float(auc) for auc in test.groupby("task")["value"].mean()]


def plain(table: Path, manifest: Path, epochs: int, seeds: list[int]) -> list[float]:
    """Train one seed after the other."""
    read = read_compact(table, manifest)
    ids, labels = torch.from_numpy(read.inputs.ids.astype(np.int64)), torch.from_numpy(read.labels)
    found = [_plain(ids, labels, read.manifest.num_ids, epochs, seed) for seed in seeds]
    return [float(auc) for auc in np.mean(found, axis=0)]


def _plain(ids: Tensor, labels: Tensor, num_rows: int, epochs: int, seed: int) -> list[float]:
    torch.manual_seed(seed)
    ends = [int(share * len(ids)) for share in SHARES]
    train, valid, test = torch.tensor_split(torch.randperm(len(ids)), ends)
    model = torch_dense.MMoE(num_rows, fields=ids.shape[1])
    adam = torch.optim.Adam(model.parameters(), lr=w.LEARNING_RATE, weight_decay=w.L2, fused=True)
    bce = nn.functional.binary_cross_entropy_with_logits
    best, kept = float("inf"), model.state_dict()
    for _ in range(epochs):
        order = train[torch.randperm(len(train))]
        for rows in order.split(w.BATCH)[: len(train) // w.BATCH]:
            loss = bce(model(ids[rows]), labels[rows], reduction="sum") / w.BATCH
            adam.zero_grad()
            loss.backward()
            adam.step()
        with torch.no_grad():
            now = float(bce(model(ids[valid]), labels[valid]))
        if now < best:
            best, kept = now, copy.deepcopy(model.state_dict())
    model.load_state_dict(kept)
    with torch.no_grad():
        score = model(ids[test]).numpy()
    return [roc_auc_score(labels[test, t].numpy(), score[:, t]) for t in range(w.TASKS)]


def main() -> None:
    """Train the seeds that are asked for, with one thread."""
    side, table, manifest, epochs, *seeds = sys.argv[1:]
    torch.set_num_threads(1)
    work = {"ours": ours, "plain": plain}[side]
    print(json.dumps(work(Path(table), Path(manifest), int(epochs), [*map(int, seeds)])))


if __name__ == "__main__":
    main()
