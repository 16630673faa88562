"""Fingerprints of the library code that can change the result of a job of a study.

Rules pass them to their jobs as `code`. Nothing here imports torch.
"""

from functools import cache

from mtnas.config.entries import DIAGNOSED
from mtnas.config.study import Study
from mtnas.data import sources
from mtnas.runtime.provenance import code_behind, code_fingerprint


@cache
def code_of(*modules: str) -> str:
    """Fingerprint modules of src/mtnas and all that they import."""
    return code_fingerprint(*code_behind(*modules))


def data_code(study: Study, dataset: str) -> str:
    """Fingerprint the code behind the table of one dataset."""
    source = () if dataset in study.synthetic else (sources.code_of(dataset),)
    return code_of("data/prepare/table.py", *source)


def encoding_code(study: Study, dataset: str) -> str:
    """Fingerprint the code behind the features of the texts of one dataset."""
    encoder = f"data/text/{sources.load(dataset).encoder}.py"
    return code_of("data/text/encode.py", encoder, sources.code_of(dataset))


def simulation_code(study: Study, dataset: str) -> str:
    """Fingerprint the code behind the simulated raw files of one dataset."""
    return code_of("data/simulators/base.py", f"data/simulators/{dataset}.py")


def simulated_study_code(name: str) -> str:
    """Fingerprint the code behind a simulated study."""
    return code_of("experiments/simulated/base.py", f"experiments/simulated/{name}.py")


def run_code(study: Study, dataset: str, method: str, variant: str) -> str:
    """Fingerprint the code behind a run: that of training, and the file of its method.

    The file of MTNAS is part of it for every method, since all have to match the size of MTNAS.
    """
    return _from("experiments/train.py", method)


def search_code(study: Study, dataset: str, method: str, variant: str) -> str:
    """Fingerprint the code behind a search."""
    return _from("experiments/search.py", method)


def tune_code(study: Study, dataset: str, method: str, variant: str) -> str:
    """Fingerprint the code behind a grid search."""
    return _from("experiments/tune.py", method)


def subsets_code(study: Study, subsets: str, dataset: str, method: str, variant: str) -> str:
    """Fingerprint the code behind the runs of subsets of tasks."""
    return _from("experiments/subsets.py", method)


def diagnose_code(study: Study, dataset: str) -> str:
    """Fingerprint the code behind the measures of how tasks are related."""
    return _from("experiments/diagnose/run.py", DIAGNOSED)


def _from(entry: str, method: str) -> str:
    """Fingerprint a module, all it imports, the file of a method and that of MTNAS."""
    return code_of(entry, "methods/mtnas.py", f"methods/{method}.py")
