"""Twins of the two programs, each with one silent bug on one marked line; `marks.py` reads the marks."""
