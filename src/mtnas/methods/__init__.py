"""Sharing methods, one file each; a file name is a registration.

A method answers the paper's question: from one shared input x_BD to one representation per task
h_BTH. Its module has `Options` (a `MethodOptions`) and either `Sharing` (a `BaseSharing`, or a
`RoutedSharing` if its route is searched) or, for a control, `predict`. With the module constant
`PER_TASK = True` one model is trained per task.
"""

from mtnas.methods.base import Method, available, load

__all__ = ["Method", "available", "load"]
