"""Shapes without running: an abstract interpreter over Python's `ast`.

    check_source(source, path)      the diagnostics of one file
    check_files(paths)              of several, with statistics of how much was understood
    Project                         the files that imports can reach

Lines count from 1, columns from 0. Code is never imported or run, and what isn't understood is silent.
"""

from shapecheck.static.check import Report, Statistics, check_files, check_source
from shapecheck.static.diagnostics import RULES, Diagnostic
from shapecheck.static.project import Project

__all__ = ["RULES", "Diagnostic", "Project", "Report", "Statistics", "check_files", "check_source"]
