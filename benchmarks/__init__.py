"""Benchmarks: one file, one question, one or a few tables. See benchmarks/README.md."""
