"""Checks of what the test predictions of runs are asked: of which datasets, by which field."""

from mtnas.config.study import Study
from mtnas.data import sources
from mtnas.runtime.errors import ConfigError, unknown


def check_asked_of_predictions(study: Study) -> None:
    """Refuse to ask predictions of datasets without runs, without such tasks, without the field."""
    compared = {run[0] for run in study.all_runs}
    wanted = {"calibration": ("binary", "multiclass"), "grouped_auc": ("binary",)}
    for key, kinds in wanted.items():
        where = study.place(key)
        for name in getattr(study, key):
            if name not in compared:
                raise ConfigError(unknown("dataset with runs", name, compared, where))
            tasks = () if name in study.synthetic else sources.load(name).tasks
            if not any(task.kind in kinds for task in tasks):
                raise ConfigError(
                    f"{where}: {name} has no task of kind {' or '.join(kinds)}; leave it out"
                )
    for name, field in study.grouped_auc.items():
        dropped = study.dataset(name).drop_fields
        fields = [
            own.name
            for own in sources.load(name).fields
            if own.kind not in ("list", "features") and own.name not in dropped
        ]
        if field not in fields:
            raise ConfigError(unknown("field", field, fields, study.place("grouped_auc", name)))
