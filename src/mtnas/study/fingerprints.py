"""Fingerprints of the library code that can change the result of a job of a study.

Rules pass them to their jobs as `code`. Nothing here imports torch.
"""

from mtnas.config.schema import searches
from mtnas.config.study import Config
from mtnas.data import sources
from mtnas.runtime.provenance import code_behind, code_fingerprint


def code_of(*modules: str) -> str:
    """Fingerprint modules of src/mtnas and all that they import."""
    return code_fingerprint(*code_behind(*modules))


def data_code(config: Config, dataset: str) -> str:
    """Fingerprint the code behind the table of one dataset."""
    source = () if dataset in config["synthetic"] else (sources.code_of(dataset),)
    return code_of("data/prepare/table.py", *source)


def simulation_code(config: Config, dataset: str) -> str:
    """Fingerprint the code behind the simulated raw files of one dataset."""
    return code_of("data/simulators/base.py", f"data/simulators/{dataset}.py")


def run_code(config: Config, dataset: str, method: str, variant: str) -> str:
    """Fingerprint the code behind a run: the engine, its method, and for a method that searches
    the search. The file of MTNAS counts for all: its size is the parameter budget of the others.
    """
    return _from("experiments/run.py", config, method)


def tune_code(config: Config, dataset: str, method: str, variant: str) -> str:
    """Fingerprint the code behind a grid search: that of its run, and of the search."""
    return _from("experiments/tune.py", config, method)


def _from(entry: str, config: Config, method: str) -> str:
    """Fingerprint what a module needs for a method."""
    files = code_behind(entry, "methods/mtnas.py", f"methods/{method}.py")
    if not searches(config.method(method)):
        files = tuple(file for file in files if not file.startswith("search/"))
    return code_fingerprint(*files)
