"""The numbers printed in the paper, read from `config/paper/results.yaml`."""

from functools import cache
from pathlib import Path

import yaml

from mtnas.runtime.errors import ConfigError, unknown
from mtnas.runtime.files import Json

# The package is used from its checkout (`pip install -e`), where the numbers lie beside the config.
PAPER_RESULTS = Path(__file__).resolve().parents[3] / "config" / "paper" / "results.yaml"


@cache
def paper_results(path: Path = PAPER_RESULTS) -> Json:
    """Read all of the paper's numbers: table > dataset > (method >) column."""
    if not path.is_file():
        raise ConfigError(f"{path}: missing; restore it with `git checkout config/paper`")
    results: Json = yaml.safe_load(path.read_text(encoding="utf-8"))
    return results


def paper_value(
    table: str, dataset: str, method: str | None, column: str, path: Path = PAPER_RESULTS
) -> float | None:
    """Return one number as printed, or None where the paper prints none.

    `table` is `table1` ... `table5`; `method` is None for Tables 1 and 4, which have no methods;
    `column` is a key such as `auc_t0`, `mtl_loss`, `t0_t1`, `train`.

    Raises:
        ConfigError: there is no such table.
    """
    results = paper_results(path)
    if table not in results:
        raise ConfigError(unknown("table of the paper", table, results, str(path)))
    row = results[table].get(dataset, {})
    value = (row if method is None else row.get(method, {})).get(column)
    return None if value is None else float(value)


def paper_score(dataset: str, method: str, column: str) -> float | None:
    """Return a test score of Table 2 or, for the dataset with its own table, Table 3."""
    values = (paper_value(table, dataset, method, column) for table in ("table2", "table3"))
    return next((value for value in values if value is not None), None)


def transfer_results() -> Json:
    """Read the numbers printed by Wu, Zhang, Ré (ICLR 2020); accuracies are in percent."""
    return paper_results(PAPER_RESULTS.with_name("transfer.yaml"))
