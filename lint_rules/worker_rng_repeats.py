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

```python bad
import random
from torch.utils.data import Dataset, IterableDataset

draws = random.Random(0)

class Augmented(Dataset):
    def __getitem__(self, index):
        return self.augment(self.images[index])

    def augment(self, image):
        return image * draws.random()  # error: `draws`

class Stream(IterableDataset):
    def __init__(self):
        self.random = random.Random(0)

    def __iter__(self):
        while True:
            yield self.random.random()  # error: `self.random`
```

numpy's generator starts each epoch from a seed that torch has drawn. The first word of its state, an old way to get at
that seed, is the same for all seeds that are arrays, as torch's are: with it the workers repeat their numbers in each
epoch and each run.

```python bad
import random
import numpy as np
from torch.utils.data import DataLoader

seed = 7

def reseed(worker_id):
    np.random.seed(np.random.get_state()[1][0] + worker_id)  # error: the same number in every epoch

def loaders(train_set, test_set):
    train = DataLoader(train_set, num_workers=2, worker_init_fn=reseed)
    test = DataLoader(test_set, worker_init_fn=lambda i: random.seed(seed))  # error: the same seed in every worker
    return train, test
```

```python bad
from numpy import random
from torch.utils.data import Dataset

class Segments(Dataset):
    def __init__(self, waves, deterministic):
        self.waves, self.deterministic = waves, deterministic
        self.rng = random.default_rng()

    def __getitem__(self, index):
        rng = random.default_rng(index) if self.deterministic else self.rng  # error: `self.rng`
        return self.waves[index][rng.integers(0, 100) :]
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
that the class makes or seeds anew outside of `__init__`, a class that asks which worker it is in, and a function that
isn't known as a `worker_init_fn`, by its name or by what it is passed as. A seed of more than constants may well
differ, and is believed to.

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

    def split(self):
        return self.rng.permutation(10)

class Shards(Noise):
    def __init__(self):
        self.rng = np.random.RandomState()

    def __getitem__(self, index):
        self.rng.seed(index)
        return self.rng.rand()

def seed_everything():
    np.random.seed(1234)

def worker_init(worker_id, base=0):
    np.random.seed(base + worker_id)
    word = np.random.randint(624)
    np.random.seed(np.random.get_state()[1][word] + worker_id)
```
"""

import ast
from collections.abc import Iterator

from shapecheck.lint import File, Note, Violation, per_file
from shapecheck.lint.analysis.calls import argument, callee, method_name, own_calls, receiver
from shapecheck.lint.analysis.classes import ClassModel, class_model, self_name
from shapecheck.lint.analysis.flow import binding, same_expression
from shapecheck.lint.analysis.scopes import Binding, lookup, scope_of
from shapecheck.lint.file import FUNCTIONS

GROUP = "data"
TOKENS = (b"Dataset", b"worker_init")

GENERATORS = frozenset({"numpy.random.default_rng", "numpy.random.RandomState", "random.Random", "torch.Generator"})
MAKES_ITEMS = ("__getitem__", "__getitems__", "__iter__")
DATASETS = ("torch.utils.data.Dataset", "torch.utils.data.dataset.Dataset", "torch.utils.data.IterableDataset")
SEEDS = frozenset({"numpy.random.seed", "random.seed", "torch.manual_seed"})


def check_dataset(node: ast.ClassDef, file: File) -> Iterator[Violation]:
    model = class_model(file, node)
    if not model.derives_from(*DATASETS) or file.is_test or "get_worker_info" in file.text(node):
        return
    for part in _run_in_worker(file, model):
        found = _generator(file, model, part)
        if found is not None:
            yield Violation(
                part,
                f"every worker draws the same numbers from its copy of `{file.text(part)}`; "
                "make the generator from `torch.initial_seed()` in the worker",
                notes=(Note(found.node, "made here, once"),),
            )
            return


def _run_in_worker(file: File, model: ClassModel) -> Iterator[ast.Name | ast.Attribute]:
    """What the methods that make items read, and the methods of the class that they call."""
    items = [method for name in MAKES_ITEMS if (method := model.methods.get(name)) is not None]
    called = (callee(file, call) for item in items for call in own_calls(file, item))
    own = [method for method in called if isinstance(method, FUNCTIONS) and method in model.methods.values()]
    for method in sorted({*items, *own}, key=lambda method: method.lineno):
        for part in ast.walk(method):
            if isinstance(part, ast.Name | ast.Attribute) and isinstance(part.ctx, ast.Load):
                yield part


def _generator(file: File, model: ClassModel, part: ast.Name | ast.Attribute) -> Binding | None:
    """Where the generator was made, once, that the object or the module keeps under this name."""
    match part:
        case ast.Attribute(value=ast.Name(id=owner), attr=name) if owner == self_name(file, part):
            found = list(model.attribute(name))
        case ast.Name(id=name):
            found = [made for made in lookup(scope_of(file, part), name) if file.function(made.node) is None]
        case _:
            return None
    once = len(found) == 1 and _makes_generator(file, found[0].value) and not _is_reseeded(file, model, part)
    return found[0] if once else None


def _is_reseeded(file: File, model: ClassModel, generator: ast.expr) -> bool:
    """Whether a method other than `__init__` seeds a generator or sets its state."""
    methods = (method for name, method in model.methods.items() if name != "__init__")
    return any(
        method_name(call) in ("seed", "manual_seed", "set_state", "setstate")
        and same_expression(receiver(call), generator)
        for method in methods
        for call in own_calls(file, method)
    )


def check_worker_init(node: ast.Call, file: File) -> Iterator[Violation]:
    if file.qualified_name(node.func) not in SEEDS or not _runs_in_worker(file, node):
        return
    seed = argument(node, 0, "seed")
    if seed is None:
        return
    if any(_is_first_word_of_state(file, part) for part in ast.walk(seed)):
        yield Violation(
            node,
            f"`{file.line_of(seed)}` is the same number in every epoch and run; leave numpy as torch seeds it, "
            "or use `torch.initial_seed() % 2**32`",
        )
    elif _is_constant(file, seed):
        yield Violation(
            node,
            f"`{file.line_of(node)}` gives the same seed in every worker; add its id, or use `torch.initial_seed()`",
        )


def _is_first_word_of_state(file: File, part: ast.AST) -> bool:
    """`np.random.get_state()[1][0]`, which is 2**31 after any seed that is an array."""
    match part:
        case ast.Subscript(
            value=ast.Subscript(value=ast.Call(func=func), slice=ast.Constant(value=1)), slice=ast.Constant(value=0)
        ):
            return file.qualified_name(func) == "numpy.random.get_state"
    return False


def _runs_in_worker(file: File, node: ast.AST) -> bool:
    """Whether this runs in a function that is passed as `worker_init_fn`, or named as one."""
    function = file.function(node)
    if function is not None and ("worker_init" in function.name or function.name in _passed_by_name(file)):
        return True
    inner = file.enclosing(node, ast.Lambda)
    return inner is not None and isinstance(file.parent(inner), ast.keyword) and inner in _worker_init_fns(file)


@per_file
def _worker_init_fns(file: File) -> frozenset[ast.expr]:
    """What the calls of this file pass as `worker_init_fn`."""
    keywords = (keyword for call in file.nodes(ast.Call) for keyword in call.keywords)
    return frozenset(keyword.value for keyword in keywords if keyword.arg == "worker_init_fn")


@per_file
def _passed_by_name(file: File) -> frozenset[str]:
    return frozenset(node.id for node in _worker_init_fns(file) if isinstance(node, ast.Name))


def _is_constant(file: File, seed: ast.expr) -> bool:
    """Whether a seed is made of numbers, and of names of the module that are bound to one once."""
    names = [part for part in ast.walk(seed) if isinstance(part, ast.Name)]
    if any(isinstance(part, ast.Call | ast.Attribute | ast.Subscript) for part in ast.walk(seed)):
        return False
    found = [binding(file, name) for name in names]
    return all(
        made is not None and made.kind == "assign" and not made.index and isinstance(made.value, ast.Constant)
        for made in found
    )


def _makes_generator(file: File, value: ast.expr | None) -> bool:
    if isinstance(value, ast.Call) and method_name(value) == "manual_seed" and isinstance(value.func, ast.Attribute):
        value = value.func.value
    return isinstance(value, ast.Call) and file.qualified_name(value.func) in GENERATORS
