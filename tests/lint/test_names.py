"""What dotted names stand for."""

import ast

import pytest

from shapecheck.lint import File

CASES = {
    "alias of a module": ("import torch.nn.functional as F\nF.softmax", "torch.nn.functional.softmax"),
    "package": ("import torch.nn.functional\ntorch.nn.functional.softmax", "torch.nn.functional.softmax"),
    "from": ("from torch import nn\nnn.Linear", "torch.nn.Linear"),
    "from as": ("from torch.nn import functional as G\nG.relu", "torch.nn.functional.relu"),
    "odd alias of torch": ("import torch as t\nt.cat", "torch.cat"),
    "relative": ("from ..core import loss\nloss", "..core.loss"),
    "inner module": ("from torch.nn.modules.loss import MSELoss\nMSELoss", "torch.nn.MSELoss"),
    "inner optimizer": ("from torch.optim.adamw import AdamW\nAdamW", "torch.optim.AdamW"),
    "scheduler stays": ("from torch.optim.lr_scheduler import StepLR\nStepLR", "torch.optim.lr_scheduler.StepLR"),
    "grad mode": ("import torch\ntorch.autograd.no_grad", "torch.no_grad"),
    "plain alias": ("import torch.nn.functional as F\nsoftmax = F.softmax\nsoftmax", "torch.nn.functional.softmax"),
    "module alias": ("import torch\nnn = torch.nn\nnn.Linear", "torch.nn.Linear"),
    "try and None": ("try:\n    import torch\nexcept ImportError:\n    torch = None\ntorch.cat", "torch.cat"),
    "first of two imports": (
        "try:\n    from torch.amp import x\nexcept ImportError:\n    from y import x\nx",
        "torch.amp.x",
    ),
    "builtin": ("len", "builtins.len"),
    "star import of a project": ("from fastai.torch_core import *\nF.softmax", "torch.nn.functional.softmax"),
    "star import of torch": ("from torch.nn import *\nLinear", "torch.nn.Linear"),
    "import in the function": ("def f():\n    import torch\n    return torch.cat", "torch.cat"),
    "variable": ("x = make()\nx.cat", None),
    "unknown": ("x.cat", None),
    "parameter hides the import": ("import torch\ndef f(torch):\n    return torch.cat", None),
    "class names are not seen by methods": (
        "class A:\n    import torch\n    def f(self):\n        return torch.cat",
        None,
    ),
    "rebound": ("import torch\ntorch = wrap(torch)\ntorch.cat", None),
    "call": ("import torch\ntorch.cat(x)", None),
    "loop variable in a comprehension": ("import torch\n[torch.cat for torch in xs]", None),
    "global": ("import torch\ndef f():\n    global torch\n    return torch.cat", "torch.cat"),
    "alias of itself": ("x = x\nx", None),
    "aliases in a ring": ("a = b\nb = a\na.c", None),
}


@pytest.mark.parametrize(("code", "expected"), CASES.values(), ids=CASES)
def test_qualified_name(code: str, expected: str | None) -> None:
    file = File(code)
    nodes = [node for node in ast.walk(file.tree) if isinstance(node, ast.Expr | ast.Return | ast.ListComp)]
    node = nodes[-1].elt if isinstance(nodes[-1], ast.ListComp) else nodes[-1].value
    assert file.qualified_name(node) == expected
