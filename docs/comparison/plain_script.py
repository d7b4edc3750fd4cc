"""No annotations at all: a program with its own sizes."""

import torch
from torch import nn

net = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(15, 1))  # fix: 15 => 16
print(net(torch.randn(4, 8)).shape)


# run: None
