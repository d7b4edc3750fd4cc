"""A random generator that every worker of a DataLoader starts from the same state.

## Why is this bad?

Each worker gets a copy of the dataset, its generator's state included, and gets it anew each epoch: all workers draw
the same numbers, again and again, so the augmentation is a fraction of what it seems. torch reseeds only the global
generators.

## Example

```python bad
import numpy as np
from torch.utils.data import Dataset

class Crops(Dataset):
    def __init__(self, images):
        self.images = images
        self.rng = np.random.default_rng(0)

    def __getitem__(self, index):
        return self.images[index] + self.rng.normal()  # error: `self.rng`

def worker_init_fn(worker_id):
    np.random.seed(1234)  # error: the same seed in every worker
```

Use instead:

```python good
import numpy as np
import torch
from torch.utils.data import Dataset

class Crops(Dataset):
    def __init__(self, images):
        self.images = images

    def __getitem__(self, index):
        rng = np.random.default_rng(torch.initial_seed() + index)
        return self.images[index] + rng.normal()

def worker_init_fn(worker_id):
    np.random.seed((torch.initial_seed() + worker_id) % 2**32)
```

## Known limits

The global generators of torch, numpy and random are seeded by torch, so what uses them is left alone. So is a generator
that the class makes anew outside of `__init__`, and a function that isn't named as a `worker_init_fn`.

```python good
import numpy as np
from torch.utils.data import Dataset

class Noise(Dataset):
    def __init__(self):
        self.rng = np.random.default_rng(0)

    def reseed(self, worker):
        self.rng = np.random.default_rng(worker)

    def __getitem__(self, index):
        return self.rng.normal() + np.random.rand()

def seed_everything():
    np.random.seed(1234)
```
"""

import ast
from collections.abc import Iterator

from shapecheck.lint import File, Note, Violation
from shapecheck.lint.analysis.calls import method_name
from shapecheck.lint.analysis.classes import class_model, self_name

GROUP = "data"
TOKENS = (b"Dataset", b"worker_init")

GENERATORS = frozenset({"numpy.random.default_rng", "numpy.random.RandomState", "random.Random", "torch.Generator"})
DATASETS = ("torch.utils.data.Dataset", "torch.utils.data.dataset.Dataset")
SEEDS = frozenset({"numpy.random.seed", "random.seed", "torch.manual_seed"})


def check_dataset(node: ast.ClassDef, file: File) -> Iterator[Violation]:
    model = class_model(file, node)
    item = model.methods.get("__getitem__")
    if item is None or not model.derives_from(*DATASETS) or file.is_test:
        return
    for call in ast.walk(item):
        match call:
            case ast.Call(func=ast.Attribute(value=ast.Attribute(value=ast.Name(id=owner), attr=name) as generator)):
                found = model.attribute(name) if owner == self_name(file, call) else ()
                if len(found) == 1 and _makes_generator(file, found[0].value):
                    yield Violation(
                        call,
                        f"every worker draws the same numbers from its copy of `{file.text(generator)}`; "
                        "make the generator from `torch.initial_seed()` in the worker",
                        notes=(Note(found[0].node, "made here, once"),),
                    )
                    return


def check_worker_init(node: ast.Call, file: File) -> Iterator[Violation]:
    function = file.function(node)
    if function is None or "worker_init" not in function.name or file.qualified_name(node.func) not in SEEDS:
        return
    if [type(arg) for arg in node.args] == [ast.Constant]:
        yield Violation(
            node,
            f"`{file.text(node)}` gives the same seed in every worker; add its id, or use `torch.initial_seed()`",
        )


def _makes_generator(file: File, value: ast.expr | None) -> bool:
    if isinstance(value, ast.Call) and method_name(value) == "manual_seed" and isinstance(value.func, ast.Attribute):
        value = value.func.value
    return isinstance(value, ast.Call) and file.qualified_name(value.func) in GENERATORS
