"""A checkpoint loaded onto the device that it was saved from, in a program that picks its own device.

## Why is this bad?

`torch.load` puts each tensor back on the device that it was saved from. A checkpoint from a GPU then can't be loaded
where there is none, although the program says that it runs there; and of several processes each fills memory of the
first GPU, until it runs out. `map_location` says where the tensors go.

## Example

```python bad
import torch

device = torch.device("cuda" if torch.cuda.is_available() else "cpu")

def predict(model, path, x):
    model.load_state_dict(torch.load(path))  # error: `map_location=device`
    model.to(device).eval()
    with torch.no_grad():
        return model(x.to(device))
```

```python fixed
import torch

device = torch.device("cuda" if torch.cuda.is_available() else "cpu")

def predict(model, path, x):
    model.load_state_dict(torch.load(path, map_location=device))
    model.to(device).eval()
    with torch.no_grad():
        return model(x.to(device))
```

```python bad
import torch
from torch.nn.parallel import DistributedDataParallel

def resume(model, optimizer, rank, path):
    torch.distributed.init_process_group("nccl")
    checkpoint = torch.load(path)  # error: `map_location="cpu"`
    model.load_state_dict(checkpoint["model"])
    optimizer.load_state_dict(checkpoint["optimizer"])
    return DistributedDataParallel(model, device_ids=[rank])
```

Use instead:

```python good
import torch

device = torch.device("cuda" if torch.cuda.is_available() else "cpu")

def predict(model, path, x):
    model.load_state_dict(torch.load(path, map_location=device))
    return model.to(device)(x.to(device))
```

## Known limits

Only what goes into a `load_state_dict` is looked at, in files that choose between GPU and CPU themselves or wrap models
in `DistributedDataParallel`. What the same function has saved before comes back to where it was, and a file that loads
with `map_location` in one place has thought of it: the other place may be for another case. Weights that are downloaded
or were moved to the CPU before they were saved load anywhere.

```python good
import torch

device = "cuda" if torch.cuda.is_available() else "cpu"

def train(model, batches, path):
    for batch in batches:
        save_if_best(model, path)
    torch.save(model.state_dict(), path)
    model.load_state_dict(torch.load(path))

def load_fixed_weights(model):
    model.load_state_dict(torch.load("resnet34-pre.pth"))

def words(path):
    return torch.load(path)

def on_gpu(model, path):
    if torch.cuda.is_available():
        model.load_state_dict(torch.load(path))
```
"""

import ast
import re
from collections.abc import Iterator

from shapecheck.lint import File, Violation, per_file, unsafe_fix
from shapecheck.lint.analysis.calls import argument, has_unpacking, method_name
from shapecheck.lint.analysis.classes import class_around, self_name
from shapecheck.lint.analysis.flow import value_of
from shapecheck.lint.analysis.scopes import Binding, lookup, scope_of
from shapecheck.lint.edits import add_keyword

GROUP = "data"
LEVEL = "warning"
TOKENS = (b"load_state_dict",)

HANDLED = re.compile(
    r"map_location|set_default_device|set_default_tensor_type|\.cpu\(\)\.state_dict|\.cpu\(\) (?:if|for)\b"
    r"|download_\w|download\(|urllib|requests\.get\(|urlretrieve|gdown|wget|hf_hub|git clone",
)
CHOOSES = re.compile(r"cuda\.is_available\(\)[^\n]*\belse\b[^\n]*cpu|is_available\(\) *:?\s*(?:torch\.)?device\(?.cpu")
PRETRAINED = re.compile(r"[-_]pre\b|pretrain", re.IGNORECASE)
GPU_ONLY = re.compile(r"cuda|gpu|device", re.IGNORECASE)
TRAINS = re.compile(r"torch\.save\(|\.backward\(|\bsave_\w+\(|\btrain\w*\(|\.fit\(|early_?stop", re.IGNORECASE)


def check(node: ast.Module, file: File) -> Iterator[Violation]:
    if file.is_test or HANDLED.search(file.source):
        return
    several = _runs_in_several_processes(file)
    if not several and not CHOOSES.search(file.source):
        return
    loads = dict.fromkeys(filter(None, (_loaded(file, call) for call in file.nodes(ast.Call))))
    for load in loads:
        if _is_under_test_for_gpu(file, load) or _saved_before(file, load):
            continue
        place = (None if several else _device(file, load)) or '"cpu"'
        where = "each process loads onto the GPU it was saved from" if several else "this fails where there is no GPU"
        yield Violation(
            load,
            f"`{file.line_of(load)}` puts tensors where they were saved, so {where}; pass `map_location={place}`",
            unsafe_fix(f"pass `map_location={place}`", add_keyword(load, "map_location", place)),
        )


def _loaded(file: File, call: ast.Call) -> ast.Call | None:
    """The `torch.load(path)` whose content a `load_state_dict` is given, whole or by its key."""
    state = argument(call, 0, "state_dict") if method_name(call) == "load_state_dict" else None
    value = None if state is None else value_of(file, state)
    while isinstance(value, ast.Subscript) or (isinstance(value, ast.Call) and method_name(value) == "get"):
        inner = value.value if isinstance(value, ast.Subscript) else value.func.value  # type: ignore[attr-defined]
        value = value_of(file, inner)
    if not isinstance(value, ast.Call) or file.qualified_name(value.func) != "torch.load":
        return None
    if len(value.args) != 1 or has_unpacking(value) or PRETRAINED.search(file.text(value_of(file, value.args[0]))):
        return None
    return value


@per_file
def _runs_in_several_processes(file: File) -> bool:
    names = (file.qualified_name(call.func) or "" for call in file.nodes(ast.Call))
    return any(name.endswith((".DistributedDataParallel", "distributed.init_process_group")) for name in names)


def _is_under_test_for_gpu(file: File, load: ast.Call) -> bool:
    """Whether the source asks for a GPU, or which process this is, before it loads."""
    tests = (outer.test for outer in file.ancestors(load) if isinstance(outer, ast.If | ast.IfExp))
    return any(GPU_ONLY.search(file.text(test)) for test in tests)


def _saved_before(file: File, load: ast.Call) -> bool:
    """Whether the function may have saved, or trained, what it loads: then it comes back to where it was."""
    function = file.function(load)
    first = 1 if function is None else function.lineno
    return TRAINS.search("\n".join(file.lines[first : load.lineno - 1])) is not None


def _device(file: File, load: ast.Call) -> str | None:
    """The name that is certainly bound here to the device that the program has chosen."""
    if _is_choice(file, lookup(scope_of(file, load), "device")):
        return "device"
    model, own = class_around(file, load), self_name(file, load)
    if model is not None and own is not None and _is_choice(file, list(model.attribute("device"))):
        return f"{own}.device"
    return None


def _is_choice(file: File, found: list[Binding]) -> bool:
    return len(found) == 1 and found[0].value is not None and bool(CHOOSES.search(file.text(found[0].value)))
