"""One thread: the tensors are tiny, and a thread pool that waits for a busy machine makes them slow."""

import torch

torch.set_num_threads(1)
