"""How functions are compiled with numba, and types of the arrays that they take."""

import hashlib
import logging
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar, cast

import numpy as np
from numba import njit
from numba.core.caching import IndexDataCacheFile
from numpy.typing import NDArray

log = logging.getLogger(__name__)

_Untyped: Any = IndexDataCacheFile
Array = NDArray[np.floating]
Rows = NDArray[np.int32]
Kernel = TypeVar("Kernel", bound=Callable[..., Any])


def compiled(kernel: Kernel) -> Kernel:
    """Compile a kernel when it is first called; the machine code is kept beside its file.

    numba compiles anew when that file has changed, and for another version of numba or another
    processor. After a change of the options here, remove `__pycache__`.
    """
    compiler = njit(nogil=True, cache=True, error_model="numpy", fastmath={"contract"})
    dispatcher: Any = compiler(kernel)
    dispatcher._cache._cache_file.__class__ = _Kept  # numba has no other way to choose it
    return cast(Kernel, dispatcher)


class _Kept(_Untyped):  # type: ignore[misc]
    """Files of machine code with their SHA-256: what a power cut left half is compiled anew."""

    def load(self, key: Any) -> Any:
        """Return what is kept under a key; None, and nothing is kept any more, if it is damaged."""
        try:
            return super().load(key)
        except Exception as problem:  # of pickle: anything
            log.warning(
                "%s: damaged, or of an earlier version (%r); compiled anew",
                self._index_path,
                problem,
            )
            with suppress(OSError):
                self.flush()
            return None

    def _dump(self, obj: Any) -> bytes:
        data: bytes = super()._dump(obj)
        return data + hashlib.sha256(data).digest()  # pickle stops before it

    def _load_data(self, name: str) -> Any:
        content = Path(self._data_path(name)).read_bytes()
        if hashlib.sha256(content[:-32]).digest() != content[-32:]:
            raise ValueError("its digest differs")
        return super()._load_data(name)
