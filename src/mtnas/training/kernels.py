"""How functions are compiled with numba, and types of the arrays that they take."""

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numpy as np
from numba import njit
from numpy.typing import NDArray

Array = NDArray[np.floating]
Rows = NDArray[np.int32]
Kernel = TypeVar("Kernel", bound=Callable[..., Any])


def compiled(kernel: Kernel) -> Kernel:
    """Compile a kernel when it is first called; the machine code is kept beside its file.

    numba compiles anew when that file has changed. After a change of the options here, remove
    `__pycache__`.
    """
    compiler = njit(nogil=True, cache=True, error_model="numpy", fastmath={"contract"})
    return cast(Kernel, compiler(kernel))
