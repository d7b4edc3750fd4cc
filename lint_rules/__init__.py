"""The rules of the linter, one file each: the file is the rule's name, page, tests and check.

docs/writing-rules.md says how; nothing is registered elsewhere. Modules that start with `_` are not rules.
"""
