"""The shared model with matrices that align its tasks (blog of Wu, Zhang, Ré, Fig. 6)."""

from mtnas.report.exhibits._modules import ModulesFigure


class AlignmentModule(ModulesFigure):
    """Embeddings, the matrix of each task, the shared module, heads."""

    name = "transfer_alignment_module"
    place = 81
    modules = (
        ("E", "embedding of each task", False),
        ("R", "matrix of each task, at first the identity", False),
        ("Z", "aligned embedding E R", False),
        ("B", "shared module", True),
        ("A", "head of each task", False),
    )
    caption = (
        "Alignment (Wu, Zhang, Ré, Algorithm 1; blog, Fig. 6): between its embedding E and the "
        "shared module B every task has a square matrix R of its own, so that B reads Z = E R. R "
        "and the heads A are trained after all else (frozen), or everything together (joint)."
    )


EXHIBIT = AlignmentModule()
