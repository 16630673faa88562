"""SHA-256 of large files that are looked at again and again."""

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from mtnas.runtime.errors import RecordError
from mtnas.runtime.files import read_json, sha256_of, short_names, write_json


def digests(paths: Iterable[Path], cache: Path) -> dict[str, str]:
    """Return the SHA-256 of files by their `short_names`, reading only those that changed.

    `cache` is a JSON file: absolute path -> size, times of the last change (of content, of
    anything) and digest. A broken one is made anew.
    """
    known = _read(cache)
    found: dict[str, str] = {}
    fresh = dict(known)
    listed = list(paths)
    for path, name in zip(listed, short_names(listed), strict=True):
        state = path.stat()
        key = [state.st_size, state.st_mtime_ns, state.st_ctime_ns]
        *seen, digest = known.get(str(path.absolute()), [None])
        if seen != key or not isinstance(digest, str):
            digest = sha256_of(path)
            fresh[str(path.absolute())] = [*key, digest]
        found[name] = digest
    if fresh != known:
        with suppress(OSError):  # only speed is lost
            write_json(cache, {name: entry for name, entry in fresh.items() if Path(name).exists()})
    return found


def _read(cache: Path) -> dict[str, list[object]]:
    try:
        content = read_json(cache)
    except RecordError:
        return {}
    return {name: entry for name, entry in content.items() if isinstance(entry, list) and entry}
