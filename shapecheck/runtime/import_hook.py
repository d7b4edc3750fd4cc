"""Contracts for whole packages: `install` has the modules imported from now on checked as they are compiled.

    install("mypkg", "other.models")            # until the program ends
    with install("mypkg", broadcast="rank"):    # modules first imported inside
        import mypkg

Whatever finder and loader Python would use still finds and reads the source; only its syntax tree is rewritten
(`transform`), before it is compiled. Byte code is cached under a name of its own, made from this package's version and
rewriting code and Python's optimization level, so runs with and without the hook never read each other's.
Under ``python -O`` and with SHAPECHECK=off nothing is installed.
"""

from __future__ import annotations

import ast
import hashlib
import sys
import warnings
from collections.abc import Iterable, Sequence
from functools import cache
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ExtensionFileLoader, ModuleSpec, SourceFileLoader, SourcelessFileLoader
from importlib.util import cache_from_source, decode_source
from pathlib import Path
from types import CodeType, ModuleType, TracebackType
from typing import Any
from zipimport import zipimporter

import shapecheck
from shapecheck.core.errors import SettingsError
from shapecheck.runtime import annotated, settings, transform
from shapecheck.runtime.hooked import Hooked, Policy, ShapeHookWarning


def install(*packages: str, **options: Any) -> Installed:
    """Check every shape-annotated function, method, dataclass and local of `packages` and what is below them.

    Only modules imported after the call are checked; one that is loaded already is named in a warning.

    Args:
        packages: dotted names of packages or modules, e.g. ``"mypkg"`` or ``"mypkg.models"``.
        locals: check annotated assignments inside functions (``y: Float[Tensor, "b"] = …``) too. Default True.
        unresolved: what an annotation that can't be understood or resolved does: "warn" (once per place, and the
            rest of the module is checked), "raise" or "ignore". Default "warn".
        guard: guard every function of the packages, annotated or not; a level of `broadcast` does so at that level.
            Default False: only functions under contract are guarded.
        options: those of `contract`, for every contract made.

    Returns:
        A handle with `uninstall()`, that is also a context manager. Modules imported before then keep their contracts.
    """
    names = tuple(dict.fromkeys(_valid(name) for name in packages))
    if not names:
        raise SettingsError("install(): no package named; expected install('mypkg')")
    policy = Policy.of(options)
    handle = Installed(names, Finder(names, policy))
    if policy.always or not settings.off_for_good():
        _warn_of_loaded(names)
        sys.meta_path.insert(0, handle.finder)
    return handle


class Installed:
    """What `install` returns: which packages it covers, which of their modules it has met, and the way to end it."""

    def __init__(self, packages: tuple[str, ...], finder: Finder) -> None:
        self.packages, self.finder = packages, finder

    @property
    def modules(self) -> tuple[str, ...]:
        """The modules imported under contract so far."""
        return tuple(self.finder.found)

    @property
    def unmatched(self) -> tuple[str, ...]:
        """The packages of which nothing has been imported so far: a misspelled name, or an import that came before."""
        return tuple(name for name in self.packages if not any(covers(name, found) for found in self.finder.found))

    def uninstall(self) -> None:
        """Import further modules as they are; those imported so far keep their contracts."""
        if self.finder in sys.meta_path:
            sys.meta_path.remove(self.finder)

    def __enter__(self) -> Installed:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.uninstall()

    def __repr__(self) -> str:
        state = "installed" if self.finder in sys.meta_path else "not installed"
        return f"<shapecheck import hook for {', '.join(self.packages)}: {state}>"


class Finder(MetaPathFinder):
    """Lets the other finders find a module, and takes over its loading."""

    def __init__(self, packages: tuple[str, ...], policy: Policy) -> None:
        self.packages, self.policy = packages, policy
        self.found: dict[str, None] = {}
        self.left_alone: set[str] = set()

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        package = next((name for name in self.packages if covers(name, fullname)), None)
        if package is None:
            return None
        spec = _found_by_others(fullname, path, target)
        if spec is None:
            return None
        self.found[fullname] = None
        self.take_over(spec, package)
        return spec

    def take_over(self, spec: ModuleSpec, package: str) -> None:
        match spec.loader:
            case None | ExtensionFileLoader():
                return  # a namespace package or a compiled module: nothing is annotated
            case SourceFileLoader() if type(spec.loader) is SourceFileLoader:
                spec.loader = ContractLoader(spec.name, spec.loader.path, self.policy)
                spec.cached = spec.loader.cached
            case loader if _rewrites_assertions(loader):
                spec.loader = RewritingLoader(spec.name, str(spec.origin), self.policy, loader)
            case loader if package not in self.left_alone and type(loader).__name__ != "NamespaceLoader":
                self.left_alone.add(package)
                warnings.warn(_why_left_alone(spec, loader), ShapeHookWarning, stacklevel=3)


class ContractLoader(SourceFileLoader):
    """Python's own loader of source files, with the tree rewritten and the cached byte code kept apart."""

    def __init__(self, fullname: str, path: str, policy: Policy) -> None:
        super().__init__(fullname, path)
        self.policy = policy
        self.plain = cache_from_source(path)
        self.cached = cache_from_source(path, optimization=_tag(policy.check_locals, policy.guard_all))

    def exec_module(self, module: ModuleType) -> None:
        setattr(module, transform.HOOK, Hooked(module.__dict__, self.path, self.policy))
        super().exec_module(module)

    def source_to_code(self, data: Any, path: Any, *, _optimize: int = -1) -> CodeType:  # type: ignore[override]
        return compile(self.rewritten(data, str(path)), path, "exec", flags=0, dont_inherit=True, optimize=_optimize)

    def rewritten(self, data: bytes, path: str) -> ast.Module:
        tree = ast.parse(decode_source(data), path)
        return transform.transform(tree, self.policy.check_locals, guard_all=self.policy.guard_all)

    def get_data(self, path: str) -> bytes:
        return super().get_data(self.cached if path == self.plain else path)

    def set_data(self, path: str, data: Any, *, _mode: int = 0o666) -> None:
        super().set_data(self.cached if path == self.plain else path, data, _mode=_mode)


class RewritingLoader(ContractLoader):
    """For modules whose assertions pytest rewrites: both rewritings, and no cache, since pytest's has its own rules."""

    def __init__(self, fullname: str, path: str, policy: Policy, hook: Any) -> None:
        super().__init__(fullname, path, policy)
        self.hook = hook

    def get_code(self, fullname: str) -> CodeType:
        return self.source_to_code(self.get_data(self.path), self.path)

    def exec_module(self, module: ModuleType) -> None:
        self.hook._rewritten_names[module.__name__] = Path(self.path)  # or pytest warns that it came too late
        super().exec_module(module)

    def rewritten(self, data: bytes, path: str) -> ast.Module:
        from _pytest.assertion.rewrite import rewrite_asserts

        tree = super().rewritten(data, path)
        rewrite_asserts(tree, data, path, self.hook.config)
        return tree


def covers(package: str, module: str) -> bool:
    return module == package or module.startswith(package + ".")


@cache
def _tag(check_locals: bool, guard_all: bool) -> str:
    """The part of a cached file's name that says how its code was made; letters and digits only."""
    made_by = "".join(Path(str(module.__file__)).read_text(encoding="utf-8") for module in (transform, annotated))
    key = hashlib.sha256(f"{shapecheck.__version__} {check_locals} {guard_all} {made_by}".encode()).hexdigest()[:12]
    return f"{sys.flags.optimize}shapecheck{key}"


def _valid(name: object) -> str:
    if not isinstance(name, str):
        raise SettingsError(f"install(): expected the names of packages, found {name!r} ({type(name).__name__})")
    if not all(part.isidentifier() for part in name.split(".")):
        raise SettingsError(f"install(): {name!r} isn't the dotted name of a package")
    return name


def _found_by_others(fullname: str, path: Sequence[str] | None, target: ModuleType | None) -> ModuleSpec | None:
    for finder in sys.meta_path:
        if isinstance(finder, Finder) or not hasattr(finder, "find_spec"):
            continue
        spec = finder.find_spec(fullname, path, target)
        if spec is not None:
            return spec
    return None


def _rewrites_assertions(loader: Loader) -> bool:
    pytest = sys.modules.get("_pytest.assertion.rewrite")
    return pytest is not None and isinstance(loader, pytest.AssertionRewritingHook)


def _why_left_alone(spec: ModuleSpec, loader: Loader) -> str:
    match loader:
        case SourcelessFileLoader() | zipimporter():
            why = f"it is loaded without a source file, from {spec.origin}"
        case _:
            why = f"it is loaded by {type(loader).__module__}.{type(loader).__qualname__}"
    return f"the contracts of {spec.name} aren't checked: {why}; other such modules of the package aren't named"


def _warn_of_loaded(packages: Iterable[str]) -> None:
    loaded = [
        name
        for name, module in list(sys.modules.items())
        if any(covers(package, name) for package in packages) and _is_plain(module)
    ]
    if loaded:
        subject = f"{loaded[0]} and {len(loaded) - 1} modules below it were" if len(loaded) > 1 else f"{loaded[0]} was"
        warnings.warn(
            f"{subject} imported before install(), so the contracts in there aren't checked; "
            "call install() before the first import",
            ShapeHookWarning,
            stacklevel=3,
        )


def _is_plain(module: ModuleType | None) -> bool:
    """Whether a module from source has finished loading without contracts (one that is calling us hasn't)."""
    spec: ModuleSpec | None = getattr(module, "__spec__", None)
    if spec is None or getattr(spec, "_initializing", False):
        return False
    return isinstance(spec.loader, SourceFileLoader) and not isinstance(spec.loader, ContractLoader)
