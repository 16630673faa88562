"""Sharing methods, one file each; a new file is a new method, without further registration.

A method is a network from one shared input x_BD to a representation for every task, h_BTH. Its file
has a class `Options` (a `MethodOptions`) and either a class `Sharing` (a `BaseSharing`, or a
`RoutedSharing` if its route is searched) or, for a control that trains nothing, a function
`predict`. With the constant `PER_TASK = True` one model is trained for each task.
"""

from mtnas.methods.base import Method, available, load

__all__ = ["Method", "available", "load"]
