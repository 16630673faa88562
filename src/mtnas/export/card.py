"""The model card of an export: README.md of its folder."""

from collections.abc import Iterator, Sequence

import pandas as pd

from mtnas.evidence.records import scores_by_seed, wide
from mtnas.export.alone import told
from mtnas.export.encoding import Encoding
from mtnas.export.trained import Trained
from mtnas.tasks.metrics import ALL_TASKS, METRICS, split_column

NOT_FOR = (
    "Rows unlike those that it was trained on: other times, places or ways of collecting them.",
    "Ids that the data did not hold: they have no embedding, and the model falls back on the rest "
    "of the row. `mtnas score` counts them.",
    "Decisions about people without checks of your own: no one has looked for bias.",
    "Probabilities taken at their word where it matters: look at their calibration first.",
)


def card(
    trained: Trained, encoding: Encoding, seed: int, files: Sequence[str], checked: str
) -> str:
    """Return the text of the card; `checked` says how the program was checked."""
    dataset, method, variant = trained.run.key
    tasks = ", ".join(output.task for output in encoding.outputs)
    parts = [
        f"# {method} ({variant}) on {encoding.title}, seed {seed}",
        f"Predicts {tasks} from {_counted(len(encoding.fields), 'field')}. {checked}",
        "## Use",
        "    mtnas score FOLDER rows.csv --out predictions.parquet",
        "FOLDER is this one. `docs/using-a-model.md` of mtnas shows how to do without mtnas.",
        *([told(encoding.computed) + "."] * bool(encoding.computed)),
        "\n".join(_tasks(encoding)),
        "## Scores",
        "\n".join(_scores(trained, seed)),
        "## Data",
        "\n".join(_data(trained)),
        "## What it is not for",
        "\n".join(f"* {line}" for line in _not_for(trained)),
        "## How it was made",
        "\n".join(_made(trained)),
        "## Licence",
        "The code of mtnas is under the MIT licence. What the model learned is from the data "
        "above: whoever passes it on has to keep to their licence, which mtnas does not know.",
        "## Files",
        "\n".join(f"* `{file}`" for file in files),
    ]
    return "\n\n".join(parts) + "\n"


def _tasks(encoding: Encoding) -> Iterator[str]:
    yield "| task | kind | what | columns of predictions |"
    yield "| :-- | :-- | :-- | :-- |"
    for output in encoding.outputs:
        kind = f"{output.kind}, in {output.unit}" if output.unit else output.kind
        columns = ", ".join(f"`{column}`" for column in output.columns)
        yield f"| {output.task} | {kind} | {_cell(output.rule)} | {columns} |"


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())


def _scores(trained: Trained, seed: int) -> Iterator[str]:
    """Yield a line per score on the test rows: mean and spread over seeds, and of this seed."""
    scores, of_models = scores_by_seed(trained.run), wide(trained.run.metrics)
    restarts = trained.run.record.spec.trained.restarts
    if restarts > 1:
        yield f"On test rows, {_counted(len(scores), 'split')} with {restarts} models each."
    else:
        yield f"On test rows, {_counted(len(scores), 'seed')}; every seed has a model of its own."
    yield ""
    over = "seeds" if restarts == 1 else "splits"
    yield f"| task | metric | better | mean | spread over {over} | this seed |"
    yield "| :-- | :-- | :-- | --: | --: | --: |"
    for column in scores:
        metric, task = split_column(str(column))
        values = pd.to_numeric(scores[column])
        spread = f"{values.std(ddof=1):.4f}" if len(values) > 1 else "one seed"
        what = "all tasks" if task == ALL_TASKS else task
        yield (
            f"| {what} | {METRICS[metric].title} | {METRICS[metric].direction} | "
            f"{values.mean():.4f} | {spread} | {of_models[column].loc[seed]:.4f} |"
        )


def _data(trained: Trained) -> Iterator[str]:
    facts = trained.manifest
    how = "at random" if facts.split_kind == "random" else f"by {facts.split_kind}"
    sizes = ", ".join(f"{count} {part}" for part, count in facts.split_sizes.items())
    if facts.simulated:
        yield "**Simulated: no row is of the real world, and the scores say nothing about it.**\n"
    yield f"* {facts.title}: {_counted(facts.rows, 'row')} ({sizes}; split {how})"
    yield f"* prepared table, SHA-256 of its content: `{facts.content_sha256}`"
    for name, digest in facts.source_sha256.items():
        yield f"* raw file `{name}`, SHA-256: `{digest}`"


def _not_for(trained: Trained) -> tuple[str, ...]:
    simulated = "Anything but trying things out: its data are simulated."
    return (simulated, *NOT_FOR) if trained.manifest.simulated else NOT_FOR


def _made(trained: Trained) -> Iterator[str]:
    record = trained.run.record
    commit = record.git.commit or "unknown"
    yield f"* run `{'/'.join(record.key)}`, all options in `run.json`"
    yield f"* commit `{commit}`{', with changed files' if record.git.dirty else ''}"
    yield f"* fingerprint of the code: `{record.code or 'unknown'}`"
    yield f"* PyTorch {record.environment.get('torch', 'of an unknown version')}"
