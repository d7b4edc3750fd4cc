"""The mypy plugin: shapecheck's static diagnostics where type errors are shown.

    [tool.mypy]
    plugins = ["shapecheck.mypy_plugin"]

A thin adapter over `shapecheck.static`. To mypy, ``Float[Tensor, "b c"]`` is `Annotated`, so each such annotation
passes the hook below during semantic analysis: the first one of a module has the whole module analyzed by the static
engine, whose diagnostics are reported at their own lines under the codes `shape` and `shape-broadcast`. Reporting
from there, not from the hooks of type checking, is what makes it certain: those run inside overload resolution, too,
where mypy drops errors.

The type given back is the plain array type. It carries the shape string as an extra attribute that no program can
name, only so that mypy's incremental cache and daemon see that a module's interface changed when a shape did, and
look again at the modules that import it. For the same reason the body of an `nn.Module` is made part of its interface:
other files are checked against the sizes of its layers.
"""

from __future__ import annotations

import ast
import hashlib
import tokenize
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mypy.errorcodes import ErrorCode
from mypy.errors import ErrorInfo, Errors
from mypy.nodes import MypyFile
from mypy.options import Options
from mypy.plugin import AnalyzeTypeContext, ClassDefContext, Plugin, ReportConfigContext
from mypy.types import ExtraAttrs, Instance, LiteralType, Type, get_proper_type

from shapecheck import __version__

if TYPE_CHECKING:
    from shapecheck.static import Diagnostic
    from shapecheck.static.project import Project

SHAPE = ErrorCode("shape", "Check shapes and dtypes of tensors", "shapecheck")
SHAPE_BROADCAST = ErrorCode("shape-broadcast", "Check for silent broadcasting", "shapecheck")
_BROADCAST_RULES = {"implicit-broadcast", "dropped-keepdim"}
_ATTRIBUTE = "shape of shapecheck"  # not an identifier: nothing can ask for it
_MODULE = "torch.nn.modules.module.Module"
_MOST_FILES = 200  # of a project that are kept parsed


def plugin(version: str) -> type[Plugin]:
    """What mypy calls to load the plugin; `version` is mypy's."""
    return ShapePlugin


class ShapePlugin(Plugin):
    """Analyzes each module once, at its first jaxtyping annotation; in the daemon, whenever mypy looks at it again."""

    def __init__(self, options: Options) -> None:
        super().__init__(options)
        self._shadows = dict(options.shadow_file or ())
        self._is_daemon = options.fine_grained_incremental
        self._projects: dict[Path, Project] = {}
        self._reported: dict[str, _Reported] = {}

    def get_type_analyze_hook(self, fullname: str) -> Callable[[AnalyzeTypeContext], Type] | None:
        return self._annotated if fullname in {"typing.Annotated", "typing_extensions.Annotated"} else None

    def get_base_class_hook(self, fullname: str) -> Callable[[ClassDefContext], None] | None:
        return self._layers if fullname == _MODULE else None

    def report_config_data(self, ctx: ReportConfigContext) -> dict[str, str]:
        """Makes mypy's cache forget what an older shapecheck said."""
        return {"shapecheck": __version__}

    def _annotated(self, ctx: AnalyzeTypeContext) -> Type:
        plain = ctx.api.analyze_type(ctx.type.args[0]) if ctx.type.args else ctx.api.analyze_type(ctx.type)
        semantic_analyzer = getattr(ctx.api, "api", None)
        tree = getattr(semantic_analyzer, "cur_mod_node", None)
        errors = getattr(semantic_analyzer, "errors", None)
        if isinstance(tree, MypyFile) and isinstance(errors, Errors):
            self._report_once(tree, errors)
        return _with_shape(plain, ctx)

    def _layers(self, ctx: ClassDefContext) -> None:
        tree = getattr(ctx.api, "cur_mod_node", None)
        if isinstance(tree, MypyFile) and not _installed(tree):
            with suppress(OSError, SyntaxError, UnicodeDecodeError):
                body = self._source(tree.path).splitlines()[ctx.cls.line - 1 : ctx.cls.end_line]
                ctx.cls.info.metadata["shapecheck"] = {"body": hashlib.sha256("\n".join(body).encode()).hexdigest()}

    def _report_once(self, tree: MypyFile, errors: Errors) -> None:
        known = self._reported.get(tree.path)
        if known is not None and (not self._is_daemon or known.stands(tree.path, errors)):
            return
        messages = errors.error_info_map
        if not _ignored(tree, errors):
            _report(lambda: self._findings(tree.path), errors)
        self._reported[tree.path] = _Reported(messages, tuple(_ours(tree.path, errors)))

    def _findings(self, path: str) -> Iterator[_Finding]:
        return _findings(self._source(path), path, self._project(path))

    def _source(self, path: str) -> str:
        with tokenize.open(self._shadows.get(path, path)) as file:
            return file.read()

    def _project(self, path: str) -> Project:
        """The files around one: parsed once for a run of mypy, and anew in the daemon, where they change."""
        from shapecheck.static.project import Project

        around = Project.around(Path(path))
        if self._is_daemon:
            return around
        known = self._projects.setdefault(around.roots[0], around)
        if len(known.paths) > _MOST_FILES:
            known = self._projects[around.roots[0]] = around
        return known


@dataclass(frozen=True, slots=True)
class _Reported:
    """What was said of a module. The daemon drops messages before it looks at something again."""

    messages: dict[str, list[ErrorInfo]]
    ours: tuple[ErrorInfo, ...]

    def stands(self, path: str, errors: Errors) -> bool:
        present = set(map(id, _ours(path, errors)))
        return self.messages is errors.error_info_map and all(id(message) in present for message in self.ours)


def _ours(path: str, errors: Errors) -> Iterator[ErrorInfo]:
    """What mypy is going to show of what the plugin said about a file."""
    return (message for message in errors.error_info_map.get(path, ()) if message.code in (SHAPE, SHAPE_BROADCAST))


def _ignored(tree: MypyFile, errors: Errors) -> bool:
    """Whether mypy shows nothing of this file anyway: stubs, and installed packages that are only followed."""
    return _installed(tree) or tree.path in errors.ignored_files


def _installed(tree: MypyFile) -> bool:
    return tree.is_stub or "site-packages" in tree.path


@dataclass(frozen=True, slots=True)
class _Finding:
    line: int
    column: int
    end_line: int
    end_column: int
    message: str
    code: ErrorCode
    severity: str = "error"


def _report(find: Callable[[], Iterable[_Finding]], errors: Errors) -> None:
    try:
        findings = list(find())
    except Exception as error:  # the engine may fail, mypy may not
        note = f"shapecheck gave up on this file ({type(error).__name__}: {error}); its shapes are not checked"
        findings = [_Finding(1, 0, 1, 1, note, SHAPE, "note")]
    for found in findings:
        errors.report(
            found.line,
            found.column,
            found.message,
            code=found.code,
            severity=found.severity,
            end_line=found.end_line,
            end_column=found.end_column,
        )


def _findings(source: str, path: str, project: Project) -> Iterator[_Finding]:
    from shapecheck.static import check_source
    from shapecheck.static.inferred import infer_source

    if "reveal_type" not in source:
        yield from _errors(check_source(source, path, project=project))
        return
    tree = ast.parse(source)
    inferred = infer_source(source, path, tree, project)
    yield from _errors(inferred.diagnostics)
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name(id="reveal_type") | ast.Attribute(attr="reveal_type"), args=[revealed]):
                shape = inferred.text(revealed) or "unknown"
                text = f"Revealed shape is {shape}"
                end = (node.end_lineno or node.lineno, node.end_col_offset or node.col_offset + 1)
                yield _Finding(node.lineno, node.col_offset, *end, text, SHAPE, "note")


def _errors(diagnostics: Iterable[Diagnostic]) -> Iterator[_Finding]:
    """An error for each diagnostic, its evidence and its hint as notes to the same place."""
    for found in diagnostics:
        code = SHAPE_BROADCAST if found.rule in _BROADCAST_RULES else SHAPE
        place = (found.line, found.col, found.end_line or found.line, found.end_col or found.col + 1)
        first, *details = found.message.splitlines()
        yield _Finding(*place, f"{first} ({found.rule})", code)
        for detail in [*details, f"hint: {found.hint}" if found.hint else ""]:
            if detail.strip():
                yield _Finding(*place, detail.rstrip(), code, "note")


def _with_shape(plain: Type, ctx: AnalyzeTypeContext) -> Type:
    instance = get_proper_type(plain)
    if not isinstance(instance, Instance) or instance.extra_attrs is not None:
        return plain
    shape = LiteralType(str(ctx.type), ctx.api.named_type("builtins.str", []))
    carrying = instance.copy_modified()
    carrying.extra_attrs = ExtraAttrs({_ATTRIBUTE: shape}, set(), None)
    return carrying
