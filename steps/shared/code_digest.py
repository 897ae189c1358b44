"""A digest of the code that a stage runs: its module and every module of ours that it imports."""

import ast
import hashlib
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
LOCK = ROOT / "requirements" / "pipeline.txt"
PACKER, PACKED = Path("steps/shared/packaging.py"), Path("steps/served_model")
"""Who copies the code that serves into every model, and what it copies: it imports none of it."""


def code_digest(module: str, root: Path = ROOT) -> str:
    """SHA-256 over the sources that `module` (like "steps.train") imports, directly or not.

    Files beside them that are not Python (templates) and the locked requirements count too: what
    a library does differently after an update is a change as well.
    """
    paths = set(_reachable(module, root, set()))
    paths |= {p for p in (root / "steps").rglob("*") if p.suffix == ".j2"}
    if root / PACKER in paths:
        paths |= set((root / PACKED).rglob("*.py"))
    paths |= {root / LOCK.relative_to(ROOT)}
    whole = hashlib.sha256()
    for path in sorted(p for p in paths if p.is_file()):
        whole.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes())
    return whole.hexdigest()


def _reachable(module: str, root: Path, seen: set[str]) -> Iterator[Path]:
    if module in seen or not module.startswith("steps"):
        return
    seen.add(module)
    base = root / Path(*module.split("."))
    path = base / "__init__.py" if base.is_dir() else base.with_suffix(".py")
    if not path.is_file():
        return  # a name imported from a module, not a module
    yield path
    yield from _reachable(module.rpartition(".")[0], root, seen)  # its package runs first
    for name in _imports(ast.parse(path.read_text()), module, base.is_dir()):
        yield from _reachable(name, root, seen)


def _imports(tree: ast.AST, module: str, is_package: bool) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parts = module.split(".")
            above = parts[: len(parts) - node.level + is_package] if node.level else []
            start = ".".join([*above, node.module] if node.module else above)
            yield start
            yield from (f"{start}.{alias.name}" for alias in node.names)
