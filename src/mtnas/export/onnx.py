"""The same program for ONNX Runtime; needs the optional packages of `mtnas[export]`."""

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import torch

from mtnas.runtime.errors import ConfigError

PACKAGES = ("onnx", "onnxscript", "onnxruntime")
_MOST_BYTES = 2**31 - 2**24  # one file of ONNX holds 2 GB


def missing_packages() -> list[str]:
    """Name the packages that ONNX needs and that are not installed."""
    return [name for name in PACKAGES if find_spec(name) is None]


def check_packages() -> None:
    """Raise `ConfigError` if a package is missing."""
    if missing := missing_packages():
        raise ConfigError(
            f"ONNX needs {', '.join(missing)}, which is not installed; run `.venv/bin/pip install "
            "-c requirements/lock.txt -e '.[export]'`, or export without it: --no-onnx"
        )


def write_onnx(
    program: torch.export.ExportedProgram, path: Path, inputs: Sequence[str]
) -> list[Path]:
    """Write `path`; return the files: a second one beside it holds weights of more than 2 GB."""
    size = sum(tensor.nbytes for tensor in program.state_dict.values())
    torch.onnx.export(
        program,
        (),
        str(path),
        input_names=list(inputs),
        output_names=["predictions"],
        dynamo=True,
        external_data=size > _MOST_BYTES,
        verbose=False,
    )
    beside = path.with_name(f"{path.name}.data")
    return [path, beside] if beside.exists() else [path]
