"""Checks of what a configuration says of its datasets: drawn ones, raw files, splits."""

from mtnas.config.entries import OF_SOURCES, DatasetOptions
from mtnas.config.study import Study
from mtnas.data import sources
from mtnas.data.prepare.parts import check_split_of
from mtnas.data.prepare.splits import split_sizes
from mtnas.runtime import plugins
from mtnas.runtime.errors import ConfigError, MtnasError, unknown


def check_synthetic(study: Study) -> None:
    """Refuse a synthetic dataset with the name of another one, or with options of raw files."""
    for name in study.synthetic:
        if name in sources.available():
            raise ConfigError(
                f"{study.place('synthetic', name)}: another dataset has this name; take another"
            )
        own = study.dataset(name)
        for key in (key for key in OF_SOURCES if key in own.model_fields_set):
            allowed = (other for other in type(own).model_fields if other not in OF_SOURCES)
            where = study.place("dataset_options", name, key)
            raise ConfigError(
                f"{where}: {name} is drawn and has no raw files; allowed: {', '.join(allowed)}"
            )


def check_sources(study: Study) -> None:
    """Refuse to drop unknown fields, and to simulate data that `raw` names or nothing simulates."""
    for name, own in study.dataset_options.items():
        if own.drop_fields:
            where = study.place("dataset_options", name, "drop_fields")
            sources.load(name).kept_fields(own.drop_fields, where)
        if own.simulate is None:
            continue
        where, known = study.place("dataset_options", name, "simulate"), simulated_datasets()
        if name not in known:
            raise ConfigError(unknown("dataset to simulate", name, known, where))
        if (raw := study.raw(name)) is not None:
            raise ConfigError(
                f"{where}: {own.simulate} rows to simulate, but raw: {raw} names real ones; set "
                "one of the two to null"
            )


def simulated_datasets() -> tuple[str, ...]:
    """Name the datasets that can be simulated."""
    return plugins.names("data.simulators")


def check_splits(study: Study) -> None:
    """Refuse splits that no table can have, and those of datasets whose split is fixed."""
    for name, own in study.dataset_options.items():
        _check_disjoint(study, name, own)
        if own.split is None:
            continue
        try:
            if name in study.synthetic:
                split_sizes(study.synthetic[name].rows, own.split)
            else:
                check_split_of(sources.load(name), own.split)
        except MtnasError as error:
            where = study.place("dataset_options", name, "split")
            raise ConfigError(f"{where}: {error}") from None


def _check_disjoint(study: Study, name: str, own: DatasetOptions) -> None:
    """Refuse disjoint test rows where seeds do not split the rows, or are not 0, 1, ..."""
    if own.splits != "disjoint":
        return
    fault = ""
    if name in study.synthetic:
        fault = "every seed draws rows of its own"
    elif (source := sources.load(name)).split_kind != "random":
        fault = f"it is split by {source.split_kind}"
    elif source.fixed_sources:
        fault = f"the split of {', '.join(source.fixed_sources)} is given"
    elif study.fixed_split:
        fault = "`fixed_split: true` gives all seeds one split"
    elif study.seeds != tuple(range(len(study.seeds))):
        fault = "seeds must be 0, 1, ...: give `seeds` as a number"
    if fault:
        where = study.place("dataset_options", name, "splits")
        raise ConfigError(f"{where}: disjoint: {fault}; use random")
