"""Contracts at run time: `contract`, `check`, `dims`; guards in `guard`, packages as a whole in `import_hook`.

contract      what can be decorated                checked, classes, generators
hints         annotation  →  Check                 checks, resolve, nontensors
checker       Check  →  source of the fast path    codegen, tensor_source, names, source, signature
running       the slow path and its errors         reference, report, places
body          check, dims, isinstance in a body    scope

Nothing is imported here: programs that may never need torch read the settings, the import hook, the pytest plugin.
"""
