"""Linter for PyTorch code: an engine that runs rule files, each a page of documentation and a check function.

What a rule needs is here: `File` (source, tree, names), `Violation`, and the two kinds of `Fix`.
Analyses (which binding reaches a name, what a module returns, …) are functions in `shapecheck.lint.analysis`;
the edits that make up a fix are functions in `shapecheck.lint.edits`. docs/writing-rules.md is the guide.
"""

from shapecheck.lint.file import File, per_file
from shapecheck.lint.violation import Edit, Fix, Level, Note, Span, Violation, safe_fix, unsafe_fix

__all__ = ["Edit", "File", "Fix", "Level", "Note", "Span", "Violation", "per_file", "safe_fix", "unsafe_fix"]
