"""Find methods, datasets and other plug-ins: every file of a package's folder is one.

So a new file needs no registration elsewhere. A dataset may also be a YAML file,
`config/datasets/<name>.yaml`.
"""

import ast
import importlib
import importlib.util
import pkgutil
import re
from functools import cache
from pathlib import Path
from types import ModuleType

from mtnas.runtime.documents import read_document
from mtnas.runtime.errors import ConfigError, unknown

DECLARED = Path(__file__).resolve().parents[3] / "config/datasets"
_NOT_PLUGINS = {"base"}
_NAME = re.compile(r"[a-z][a-z0-9_]*")
_HARMLESS = re.compile(r"[\w. -]+")  # in a pattern of names


def available(package: ModuleType) -> tuple[str, ...]:
    """Name the plug-ins of a package, without importing or opening their files."""
    more = declared() if package.__name__ == "mtnas.data.sources" else {}
    return tuple(sorted({*_modules(package), *more}))


def names(package: str) -> tuple[str, ...]:
    """Name the plug-ins of one of our packages, such as `methods`, without running their code."""
    spec = importlib.util.find_spec(f"mtnas.{package}")
    if spec is None:
        raise ConfigError(f"src/mtnas/{package}: this package is missing from the installation")
    return available(importlib.util.module_from_spec(spec))


def declared() -> dict[str, Path]:
    """Return the YAML file of every dataset that has one, by name; its content is not checked."""
    folder, here = DECLARED, Path.cwd()
    if folder.is_relative_to(here):  # messages name files as a reader would
        folder = folder.relative_to(here)
    files = sorted(f for f in folder.glob("*") if f.suffix in (".yaml", ".yml"))
    return {file.stem: file for file in files if _HARMLESS.fullmatch(file.stem)}


def title(package: str, name: str) -> str:
    """Return what readers call a plug-in: `TITLE` of its file, `label` or `title` of a YAML file.

    Where there is no title, or no such plug-in any more, that is its name.
    """
    if package == "data.sources" and name in declared():
        content = read_document(declared()[name])
        said = content if isinstance(content, dict) else {}
        return str(said.get("label") or said.get("title") or name)
    return str(getattr(part(package, name, ("TITLE",)), "TITLE", name))


def check_declared(name: str, file: Path, package: ModuleType) -> None:
    """Refuse a name that cannot be one, or that two files have."""
    if not _NAME.fullmatch(name):
        raise ConfigError(
            f"{file}: the name {name!r} must be lower-case letters, digits and _, and begin with "
            "a letter; rename the file"
        )
    others = [f for f in (file.with_suffix(".yaml"), file.with_suffix(".yml")) if f.is_file()]
    if name in _modules(package) or len(others) > 1:
        raise ConfigError(f"{file}: another file declares dataset {name!r}; rename one")


def load(package: ModuleType, name: str, *, kind: str, where: str = "config") -> ModuleType:
    """Import one plug-in module; an unknown name is a `ConfigError` with the nearest one."""
    if name not in _modules(package):
        raise ConfigError(unknown(kind, name, available(package), where))
    return importlib.import_module(f"{package.__name__}.{name}")


@cache
def part(package: str, name: str, wanted: tuple[str, ...]) -> ModuleType:
    """Run only some definitions of a plug-in's file, and the definitions and imports they need.

    So the title and the options of a method can be read without importing torch, which the rest of
    its file needs. If those definitions do not run by themselves, the whole file is imported. What
    is not in the file is not in the module that is returned; if there is no file, nothing is.
    """
    module = ModuleType(f"mtnas.{package}.{name}:{','.join(wanted)}")
    (folder,) = importlib.import_module("mtnas").__path__
    file = Path(folder, *package.split("."), f"{name}.py")
    if not (_NAME.fullmatch(name) and file.is_file()):
        return module
    tree = ast.parse(file.read_text(encoding="utf-8"), str(file))
    needed, open_names = set[ast.stmt](), list(wanted)
    while open_names:
        for node in _definitions(tree, open_names.pop()) - needed:
            needed.add(node)
            open_names += [used.id for used in ast.walk(node) if isinstance(used, ast.Name)]
    body = [node for node in tree.body if node in needed]
    try:
        exec(compile(ast.Module(body, []), str(file), "exec"), module.__dict__)
    except Exception:
        return importlib.import_module(f"mtnas.{package}.{name}")
    return module


def _definitions(tree: ast.Module, name: str) -> set[ast.stmt]:
    """Return the statements at the top of a file that give a name its meaning."""
    return {node for node in tree.body if name in _bound(node)}


def _bound(node: ast.stmt) -> list[str]:
    """Name what a statement binds."""
    match node:
        case ast.Import(names=names) | ast.ImportFrom(names=names):
            return [alias.asname or alias.name.partition(".")[0] for alias in names]
        case ast.ClassDef(name=name) | ast.FunctionDef(name=name):
            return [name]
        case ast.Assign(targets=targets):
            return [target.id for target in targets if isinstance(target, ast.Name)]
        case ast.AnnAssign(target=ast.Name(id=name)):
            return [name]
    return []


def _modules(package: ModuleType) -> tuple[str, ...]:
    folders = tuple(package.__path__)
    return _listed(folders, tuple(Path(folder).stat().st_mtime_ns for folder in folders))


@cache
def _listed(folders: tuple[str, ...], changed: tuple[int, ...]) -> tuple[str, ...]:
    """Name the modules of some folders, as they were when those changed last.

    A large study asks thousands of times.
    """
    found = (m.name for m in pkgutil.iter_modules(folders) if not m.ispkg)
    return tuple(n for n in found if n not in _NOT_PLUGINS and not n.startswith("_"))
