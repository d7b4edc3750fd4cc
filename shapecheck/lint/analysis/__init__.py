"""What the engine works out about a file, each once and only when a rule asks.

names      imports: what a dotted name stands for            objects   which constructor made a value
flow       which bindings reach a name; same value or not    outputs   which op made a tensor, through modules
paths      the ways through a block, branches kept apart     gradients where gradients are switched off
calls      arguments, same-file functions behind calls       classes   attributes, methods, torch modules
modes      train and eval mode                               training  backward, steps and zeroing, by optimizer
losses     torch's losses and what they are given            graphs    values that hold on to their graph
"""
