"""One section, in this process: `python -m benchmarks.gpu NAME cuda|cpu`; a row per line."""

import json
import logging
import os
import sys

import torch

from benchmarks.gpu.sections import SECTIONS
from benchmarks.gpu.training import DRY, Size


def main() -> None:
    """Print every row as JSON as soon as it is there; all else goes to standard error."""
    name, device = sys.argv[1:]
    logging.basicConfig(format="%(message)s")
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    torch.set_float32_matmul_precision("highest")  # as in our jobs
    section, _ = SECTIONS[name]
    for row in section(Size() if device == "cuda" else DRY):
        print(json.dumps(row), file=answers, flush=True)


if __name__ == "__main__":
    main()
