"""Sharing methods, one file each; a file name is a registration.

A method answers the paper's question: from one shared input x_BD to one representation per task
h_BTH. Its module has `Options` (a `MethodOptions`) and either `Sharing` (a torch module) or, for a
control, `predict`. Optional module constants: `PER_TASK = True` trains one model per task. A
`Sharing` may have a `noise_shape` and a `penalty()`, both for training alone.
"""

from mtnas.methods.base import Method, available, load

__all__ = ["Method", "available", "load"]
