"""The model whose tasks share one module (blog of Wu, Zhang, Ré, Fig. 4)."""

from mtnas.report.exhibits._modules import ModulesFigure


class Architecture(ModulesFigure):
    """Inputs, the shared module, heads."""

    name = "transfer_architecture"
    place = 80
    modules = (
        ("X", "input of each task", False),
        ("B", "shared module, as wide as its capacity", True),
        ("A", "head of each task", False),
    )
    caption = (
        "The shared model (Wu, Zhang, Ré, Eq. 1; blog, Fig. 4): every task feeds its own input to "
        "one module B, whose width is the capacity, and has a head A of its own. Where tasks have "
        "their rows in common, the inputs are the same."
    )


EXHIBIT = Architecture()
