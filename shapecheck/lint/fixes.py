"""Apply fixes: all that don't overlap in one pass over the libcst tree, so that what they don't touch stays as it is.

A fix is taken whole or not at all; one that overlaps an earlier one waits for the next pass. The caller checks that
the result parses.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import libcst as cst

from shapecheck.lint.concrete import ConcreteTree, Position, position
from shapecheck.lint.file import File, ast_position
from shapecheck.lint.violation import Edit, Fix

_ATOMS = (
    cst.Name,
    cst.Attribute,
    cst.Call,
    cst.Subscript,
    cst.Integer,
    cst.Float,
    cst.SimpleString,
    cst.FormattedString,
    cst.List,
    cst.Dict,
    cst.Set,
    cst.ListComp,
    cst.DictComp,
    cst.SetComp,
    cst.Ellipsis,
)
_ROOMY = (
    cst.Arg,
    cst.Expr,
    cst.Assign,
    cst.AugAssign,
    cst.AnnAssign,
    cst.Return,
    cst.Element,
    cst.DictElement,
    cst.Index,
    cst.If,
    cst.While,
    cst.Assert,
    cst.For,
)
Range = tuple[tuple[int, int], tuple[int, int]]
_Line = cst.BaseStatement


class FixError(Exception):
    """A fix can't be made here; the message says which node is at fault."""


@dataclass(slots=True)
class LinePlan:
    """What happens around one statement."""

    before: list[str] = field(default_factory=list)
    after: list[str] = field(default_factory=list)
    remove: bool = False


def select(fixes: Iterable[Fix]) -> list[Fix]:
    """The fixes that can be made together: each whole, none overlapping an earlier one, equal ones once."""
    taken: list[Range] = []
    chosen: list[Fix] = []
    done: set[tuple[object, ...]] = set()
    for fix in fixes:
        signature = (fix.title, *((edit.kind, _range(edit), edit.code) for edit in fix.edits))
        ranges = [_range(edit) for edit in fix.edits if edit.kind in ("replace", "remove")]
        if signature in done or any(_overlap(a, b) for a in ranges for b in taken):
            continue
        done.add(signature)
        taken += ranges
        chosen.append(fix)
    return chosen


def apply(file: File, edits: Sequence[Edit], text: str, first_line: int = 1) -> str:
    """A text with these edits made, the text being the file's source from a line on.

    Raises FixError when libcst doesn't know the syntax or a place isn't what an edit expects.
    """
    try:
        tree = ConcreteTree(text)
    except (cst.ParserSyntaxError, RecursionError) as error:
        raise FixError(f"libcst can't parse this file ({type(error).__name__})") from None
    planner = _Planner(file, tree, first_line)
    try:
        for edit in edits:
            planner.add(edit)
        return tree.module.visit(_Changer(tree, planner)).code
    except FixError:
        raise
    except Exception as error:  # whatever libcst, or the rule's own change, has against it
        raise FixError(f"{type(error).__name__}: {str(error).strip().splitlines()[0]}") from error


class _Planner:
    """Finds for each edit the libcst node that it changes."""

    def __init__(self, file: File, tree: ConcreteTree, first_line: int) -> None:
        self.file, self.tree, self.first_line = file, tree, first_line
        self.expressions: dict[cst.CSTNode, tuple[Edit, dict[str, cst.BaseExpression]]] = {}
        self.lines: dict[cst.CSTNode, LinePlan] = {}
        self.small: dict[cst.CSTNode, LinePlan] = {}
        self.imports: list[str] = []
        self.comments: set[int] = set()

    def add(self, edit: Edit) -> None:
        match edit.kind:
            case "import":
                if edit.code not in self.imports:
                    self.imports.append(edit.code)
            case "replace" if isinstance(edit.node, ast.expr | ast.keyword):
                parts = {name: self.expression(node) for name, node in edit.parts}
                self.expressions[self.expression(edit.node)] = edit, parts
            case "replace":
                plan = self.plan(edit)
                plan.before.append(self.filled(edit))
                plan.remove = True
            case "remove":
                self.plan(edit).remove = True
            case "before":
                self.plan(edit).before.append(edit.code)
            case "after":
                self.plan(edit).after.append(edit.code)
            case "comment":
                line, start, *_ = ast_position(edit.node)
                self.comments.add(self.at(line, start)[0])

    def expression(self, node: ast.AST) -> cst.BaseExpression:
        line, start, end_line, end = ast_position(node)
        found = self.tree.expression_at(self.at(line, start), self.at(end_line, end))
        if not isinstance(found, cst.BaseExpression):
            raise FixError(f"no expression at line {line}")
        return found

    def at(self, line: int, offset: int) -> Position:
        """A place of the file in the text."""
        line, column = position(self.file, line, offset)
        return line - self.first_line + 1, column

    def filled(self, edit: Edit) -> str:
        """The code of a statement, its parts written out."""
        if not edit.parts:
            return edit.code
        parsed = cst.parse_module(edit.code)
        parts = {name: self.expression(node) for name, node in edit.parts}
        return parsed.visit(_Substitution(parts)).code

    def plan(self, edit: Edit) -> LinePlan:
        """The plan for the statement of an edit: of its line, or within it where it shares the line."""
        line, start, *_ = ast_position(edit.node)
        found = self.tree.statement_at(self.at(line, start))
        if found is None:
            raise FixError(f"no statement at line {line}")
        if isinstance(found, cst.BaseCompoundStatement):
            return self.lines.setdefault(found, LinePlan())
        holder = self.tree.parents[found]
        if isinstance(holder, cst.SimpleStatementLine) and len(holder.body) == 1:
            return self.lines.setdefault(holder, LinePlan())
        return self.small.setdefault(found, LinePlan())


class _Changer(cst.CSTTransformer):
    """Makes the planned changes on the way up."""

    def __init__(self, tree: ConcreteTree, plan: _Planner) -> None:
        super().__init__()
        self.tree, self.plan = tree, plan

    def on_leave(self, original_node: cst.CSTNode, updated_node: cst.CSTNode) -> cst.CSTNode:  # type: ignore[override]
        if original_node in self.plan.expressions:
            return self._expression(original_node, updated_node)
        match updated_node:
            case cst.IndentedBlock() | cst.Module():
                return self._block(original_node, updated_node)  # type: ignore[arg-type]
            case cst.SimpleStatementSuite():
                return self._suite(original_node, updated_node)  # type: ignore[arg-type]
            case cst.TrailingWhitespace() | cst.EmptyLine() if self.plan.comments:
                return self._comment(original_node, updated_node)
        return updated_node

    def _expression(self, original: cst.CSTNode, updated: cst.CSTNode) -> cst.CSTNode:
        edit, parts = self.plan.expressions[original]
        if edit.change is not None:
            return edit.change(updated)
        code = cst.parse_expression(edit.code, self.tree.module.config_for_parsing)
        new = code.visit(_Substitution(parts))
        assert isinstance(new, cst.BaseExpression) and isinstance(updated, cst.BaseExpression)
        own = isinstance(edit.node, ast.Tuple | ast.GeneratorExp)  # whose parentheses are part of it
        around = len(updated.lpar) - own
        if around > 0 and not any(part is original for part in parts.values()):
            return new.with_changes(lpar=updated.lpar[:around], rpar=updated.rpar[-around:])
        parent = self.tree.parents.get(original)
        return new if isinstance(new, _ATOMS) or isinstance(parent, _ROOMY) else _parenthesized(new)

    def _block(
        self, original: cst.IndentedBlock | cst.Module, updated: cst.IndentedBlock | cst.Module
    ) -> cst.IndentedBlock | cst.Module:
        if not any(map(self._is_planned, original.body)) and not self._imports_here(original):
            return updated
        body: list[cst.BaseStatement] = []
        orphans: list[cst.EmptyLine] = []
        for old, new in zip(original.body, updated.body, strict=True):
            lines = self._lines(old, new)
            if orphans and lines:
                lines[0] = lines[0].with_changes(leading_lines=[*orphans, *lines[0].leading_lines])  # type: ignore[attr-defined]
                orphans = []
            if not lines:
                orphans += new.leading_lines  # type: ignore[attr-defined]
            body += lines
        if self._imports_here(original):
            body = self._with_imports(body)
        if not body and isinstance(original, cst.IndentedBlock):
            body = [cst.SimpleStatementLine([cst.Pass()], leading_lines=orphans)]
            orphans = []
        footer = [*orphans, *updated.footer]
        return updated.with_changes(body=body, footer=footer)

    def _is_planned(self, line: cst.BaseStatement) -> bool:
        shared = line.body if isinstance(line, cst.SimpleStatementLine) else ()
        return line in self.plan.lines or any(statement in self.plan.small for statement in shared)

    def _lines(self, old: cst.BaseStatement, new: cst.BaseStatement) -> list[_Line]:
        """The lines that one line becomes."""
        if old in self.plan.lines:
            return self._around(self.plan.lines[old], new)
        if isinstance(old, cst.SimpleStatementLine) and self._is_planned(old):
            assert isinstance(new, cst.SimpleStatementLine)
            return self._shared_lines(old, new)
        return [new]

    def _around(self, plan: LinePlan, line: _Line) -> list[_Line]:
        """A line with what goes before and after it: between the blank lines and the comments above, and below."""
        before = [statement for code in plan.before for statement in self._statements(code)]
        after = [statement for code in plan.after for statement in self._statements(code)]
        leading = list(line.leading_lines)  # type: ignore[attr-defined]
        if plan.remove and before:
            before[0] = before[0].with_changes(leading_lines=leading)
            if isinstance(line, cst.SimpleStatementLine) and isinstance(before[-1], cst.SimpleStatementLine):
                before[-1] = before[-1].with_changes(trailing_whitespace=line.trailing_whitespace)
        elif before:
            blank = next((i for i, above in enumerate(leading) if above.comment is not None), len(leading))
            before[0] = before[0].with_changes(leading_lines=leading[:blank])
            line = line.with_changes(leading_lines=leading[blank:])
        return [*before, *([] if plan.remove else [line]), *after]

    def _shared_line(
        self,
        original: cst.SimpleStatementLine | cst.SimpleStatementSuite,
        updated: cst.SimpleStatementLine | cst.SimpleStatementSuite,
    ) -> list[cst.BaseSmallStatement | cst.BaseStatement]:
        """What becomes of statements that share a line: `if done: loss.backward(); step()`."""
        body: list[cst.BaseSmallStatement | cst.BaseStatement] = []
        for old, new in zip(original.body, updated.body, strict=True):
            plan = self.plan.small.get(old, LinePlan())
            for code in plan.before:
                body += self._small(code)
            body += [] if plan.remove else [new.with_changes(semicolon=cst.MaybeSentinel.DEFAULT)]
            for code in plan.after:
                body += self._small(code)
        return body or [cst.Pass()]

    def _suite(self, original: cst.SimpleStatementSuite, updated: cst.SimpleStatementSuite) -> cst.BaseSuite:
        """The rest of a line after a colon; an indented block once it holds more than fits there."""
        if not any(statement in self.plan.small for statement in original.body):
            return updated
        body = self._shared_line(original, updated)
        if all(isinstance(statement, cst.BaseSmallStatement) for statement in body):
            return updated.with_changes(body=_separated(body))
        return cst.IndentedBlock(_on_lines(body), header=updated.trailing_whitespace)

    def _shared_lines(self, original: cst.SimpleStatementLine, updated: cst.SimpleStatementLine) -> list[_Line]:
        """A line with several statements; one line each once they don't fit on one."""
        body = self._shared_line(original, updated)
        if all(isinstance(statement, cst.BaseSmallStatement) for statement in body):
            return [updated.with_changes(body=_separated(body))]
        lines = _on_lines(body)
        lines[0] = lines[0].with_changes(leading_lines=updated.leading_lines)
        if isinstance(lines[-1], cst.SimpleStatementLine):
            lines[-1] = lines[-1].with_changes(trailing_whitespace=updated.trailing_whitespace)
        return lines

    def _comment(self, original: cst.CSTNode, updated: cst.TrailingWhitespace | cst.EmptyLine) -> cst.CSTNode:
        """The end of a line without a comment that is to go; a line of its own goes whole."""
        comment = original.comment  # type: ignore[attr-defined]
        if comment is None or self.tree.start(comment)[0] not in self.plan.comments:
            return updated
        kept = re.sub(r"\s*# shapecheck:[^#]*", "", comment.value)
        if kept:
            return updated.with_changes(comment=comment.with_changes(value=kept.strip()))
        if isinstance(updated, cst.EmptyLine):
            return cst.RemoveFromParent()  # type: ignore[return-value]
        return updated.with_changes(comment=None, whitespace=cst.SimpleWhitespace(""))

    def _small(self, code: str) -> list[cst.BaseSmallStatement | cst.BaseStatement]:
        """Code as statements that may share a line, as far as they may."""
        found: list[cst.BaseSmallStatement | cst.BaseStatement] = []
        for statement in self._statements(code):
            found += statement.body if isinstance(statement, cst.SimpleStatementLine) else [statement]
        return found

    def _statements(self, code: str) -> list[cst.BaseStatement]:
        return list(cst.parse_module(code, self.tree.module.config_for_parsing).body)

    def _imports_here(self, original: cst.CSTNode) -> bool:
        return bool(self.plan.imports) and isinstance(original, cst.Module)

    def _with_imports(self, body: list[cst.BaseStatement]) -> list[cst.BaseStatement]:
        present = {self.tree.module.code_for_node(line).strip() for line in body if _is_import(line)}
        new = [line for code in self.plan.imports if code not in present for line in self._statements(code)]
        place = next((i + 1 for i in reversed(range(len(body))) if _is_import(body[i])), None)
        if place is None:
            place = 1 if body and _is_docstring(body[0]) else 0
        return [*body[:place], *new, *body[place:]]


class _Substitution(cst.CSTTransformer):
    """Put nodes in the place of the names that stand for them."""

    def __init__(self, parts: dict[str, cst.BaseExpression]) -> None:
        super().__init__()
        self.parts = parts
        self.roomy: set[cst.CSTNode] = set()
        self.compared: set[cst.CSTNode] = set()

    def visit_If(self, node: cst.If) -> None:
        self.roomy.add(node.test)

    def visit_Comparison(self, node: cst.Comparison) -> None:
        self.compared |= {node.left, *(target.comparator for target in node.comparisons)}

    def visit_Arg(self, node: cst.Arg) -> None:
        self.roomy.add(node.value)

    def visit_Attribute_attr(self, node: cst.Attribute) -> None:
        self.roomy.add(node.attr)

    def leave_Name(self, original_node: cst.Name, updated_node: cst.Name) -> cst.BaseExpression:
        part = self.parts.get(original_node.value)
        if part is None:
            return updated_node
        part = part.deep_clone()
        arithmetic = isinstance(part, cst.BinaryOperation) and original_node in self.compared
        needs_none = isinstance(part, _ATOMS) or part.lpar or original_node in self.roomy or arithmetic
        return part if needs_none else _parenthesized(part)


def _separated(statements: list[cst.BaseSmallStatement | cst.BaseStatement]) -> list[cst.CSTNode]:
    """Small statements with semicolons between them."""
    between = cst.Semicolon(whitespace_after=cst.SimpleWhitespace(" "))
    return [*(statement.with_changes(semicolon=between) for statement in statements[:-1]), statements[-1]]


def _on_lines(statements: list[cst.BaseSmallStatement | cst.BaseStatement]) -> list[_Line]:
    """Statements on lines of their own."""
    return [s if isinstance(s, cst.BaseStatement) else cst.SimpleStatementLine([s]) for s in statements]


def _parenthesized(node: cst.BaseExpression) -> cst.BaseExpression:
    return node.with_changes(lpar=[cst.LeftParen(), *node.lpar], rpar=[*node.rpar, cst.RightParen()])


def _is_import(line: cst.BaseStatement) -> bool:
    return isinstance(line, cst.SimpleStatementLine) and isinstance(line.body[0], cst.Import | cst.ImportFrom)


def _is_docstring(line: cst.BaseStatement) -> bool:
    match line:
        case cst.SimpleStatementLine(body=[cst.Expr(value=cst.SimpleString() | cst.ConcatenatedString())]):
            return True
    return False


def _range(edit: Edit) -> Range:
    if isinstance(edit.node, ast.Module):
        return (0, 0), (0, 0)
    line, start, end_line, end = ast_position(edit.node)
    return (line, start), (end_line, end)


def _overlap(a: Range, b: Range) -> bool:
    return a[0] < b[1] and b[0] < a[1]
