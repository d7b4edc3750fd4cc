"""Calls of embeddings and attention."""

from __future__ import annotations

from tests.ops.differential import Call, Draw, T, call, cases


@cases("F.embedding")
def embedding(g: Draw) -> Call:
    index = g.tensor("int64 int64 int64 int32 float32", high=3)
    return call(index, T(g.corrupt((3, g.size()), 0.1) if g.chance(0.2) else (3, g.size())))


@cases("F.scaled_dot_product_attention")
def scaled_dot_product_attention(g: Draw) -> Call:
    batch = tuple(g.positive() for _ in range(g.randint(0, 2)))
    length, source, e, v = g.positive(), g.positive(), g.positive(), g.positive()
    query, key, value = (*batch, length, e), (*batch, source, e), (*batch, source, v)
    facts = {}
    if g.chance(0.4):
        mask = g.choice(
            [(length, source), (*batch, length, source), (*(1 for _ in batch), length, source), (1, source + 1)]
        )
        facts["attn_mask"] = T(mask, g.dtype("bool float32 float32 float64"))
    if g.chance(0.3) and batch:
        facts["enable_gqa"] = True
        query = (*batch[:-1], batch[-1] * 2, length, e)
    query, key, value = (tuple(max(1, size) for size in g.corrupt(one, 0.08)) for one in (query, key, value))
    return call(T(query), T(key), T(value), **facts)
