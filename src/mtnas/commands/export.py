"""Write a trained model as a folder that works without the workflow.

The folder holds the program for PyTorch (model.pt2) and for ONNX Runtime (model.onnx), how a row is
encoded (encoding.json), and a model card (README.md). `mtnas score` uses it.

Examples:
  mtnas export movielens/mmoe/paper --out models/mmoe
  mtnas export results/runs/movielens/mmoe/paper --out models/mmoe --seed all
"""

import argparse
from pathlib import Path

GROUP = "Trained models"


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Add what the command takes."""
    run = "a trained run: its folder, or its name DATASET/METHOD/VARIANT below results/runs"
    command.add_argument("folder", metavar="RUN", help=run)
    out = "a folder that is not there yet"
    command.add_argument("--out", metavar="FOLDER", type=Path, required=True, help=out)
    seed = "which seed's model; `all`: one folder for each in FOLDER; default: best on validation"
    command.add_argument("--seed", metavar="N", default="best", help=seed)
    without = "leave out model.onnx, which needs the packages of mtnas[export]"
    command.add_argument("--no-onnx", action="store_true", help=without)


def run(arguments: argparse.Namespace) -> None:
    """Write the folder of one seed, or of each."""
    from mtnas.export.alone import computed, told
    from mtnas.export.folder import export
    from mtnas.export.trained import read_trained
    from mtnas.study.places import folder_of

    trained = read_trained(folder_of(arguments.folder, "runs", "run.json"))
    for seed, folder in _wanted(arguments.seed, arguments.out, trained.seeds, trained.best_seed):
        record = export(trained, seed, folder, with_onnx=not arguments.no_onnx)
        print(
            f"{folder}: seed {seed}; its predictions of {record.checked_rows} test rows are those "
            f"of the run (largest difference {record.largest_difference:.1g})"
        )
    if alone := told(computed(trained.manifest.spec, {f.name for f in trained.manifest.fields})):
        print(alone)
    print(f"score rows with it: mtnas score {folder} rows.csv --out predictions.parquet")


def _wanted(given: str, out: Path, seeds: tuple[int, ...], best: int) -> list[tuple[int, Path]]:
    """Return seeds and their folders."""
    from mtnas.runtime.errors import ConfigError

    if given == "all":
        return [(seed, out / f"seed-{seed}") for seed in seeds]
    if given == "best":
        return [(best, out)]
    if not given.isdecimal():
        raise ConfigError(f"--seed {given}: a seed of the run, `best` or `all` is allowed")
    return [(int(given), out)]
