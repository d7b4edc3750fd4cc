"""What every part of shapecheck agrees on, in pure standard library.

    spec      the shape-string grammar, parsed once to immutable specs       "b c h//2"  ->  ShapeSpec
    sizes     symbolic integers in a normal form, three-valued equality      n * (d // n) == d  if  d % n == 0
    unify     specs against concrete shapes: names first, then expressions
    dtypes    jaxtyping's dtype words against torch's dtype names            Float -> {"float32", "bfloat16", ...}
    message   all wording of mismatches
    errors    the exceptions users catch
    ops       one table of torch operations: what shape each gives, what kind each is

Nothing here imports torch, jaxtyping, libcst or mypy.
"""
