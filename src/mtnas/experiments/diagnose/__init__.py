"""How the tasks of a dataset are related: cheap measures, gradients, capacity."""
