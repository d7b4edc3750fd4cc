"""Guards: raise on the shape bugs whose sizes happen to fit.

    with guard(): ...                       every operation of a block, on code without annotations
    @guard                                  a function: its first call per shape pattern, then bypassed
    with allow_broadcast("all pairs"): ...  here it is meant

A torch function mode (`active`) shows the rules each operation: `broadcast` (levels echo, outer, rank, strict), `loss`,
`keepdim`, `names` (option `dims`), `finite`. Nothing is computed on tensors but by `finite`; results and gradients are
bitwise those of the bare program. Where and what a violation is, is worked out only once there is one (`site`,
`expression`, `report`).

The seam for contracts
----------------------
A contract's generated checker has read the sizes already, so it asks by them, not by tensors:

    first = FirstCall(fn, **options)        # at decoration; only the guard options that its author gave explicitly
    seen = first.seen

    if is_dynamo_compiling(): return fn(q, k)               # compiled code sees the bare function
    try:
        known = next(seen[b, h, t, d, s])                   # every size it has read; tuples for `*names`;
                                                            # part_of_key(argument) for those it hasn't looked into
    except TypeError:                                       # symbolic sizes can't be hashed
        known = True
    result = fn(q, k) if known else first.call((b, h, t, d, s), (q, k), {}, names)

`names` is a tuple of (tensor, its dims: a name, None without one, ... for any number of them) for the rule `dims`;
build it on this slow branch only.
`call` runs `fn` once, guarded, for coroutine functions and generators too (it returns what `fn` would return).
Where options switch every rule off (`guards_anything(changed(current(), options, …))` is False) leave this out and call
`declare(fn, options)`, so that a guard around the caller knows. Under ``python -O`` leave both out.
"""

from __future__ import annotations

from shapecheck.runtime.guard.decorate import Guard, allow_broadcast, guard
from shapecheck.runtime.guard.first_call import FirstCall, part_of_key
from shapecheck.runtime.guard.options import declare
from shapecheck.runtime.guard.plan import guards_anything

__all__ = ["FirstCall", "Guard", "allow_broadcast", "declare", "guard", "guards_anything", "part_of_key"]
