"""Which links between experts and tasks the cut MMoE keeps (paper, Fig. 1c; D10).

Nothing here needs torch: the configuration is checked with it before anything runs. Messages begin
with the option that has to change.
"""

from collections.abc import Sequence

from mtnas.runtime.errors import ConfigError

Kept = tuple[tuple[int, ...], ...]


def check_kept(kept: Sequence[Sequence[int]], num_experts: int) -> None:
    """Refuse an expert that does not exist, a task without experts, an expert without tasks."""
    experts = set(range(num_experts))
    for task, row in enumerate(kept):
        if not row or len(set(row)) < len(row) or not set(row) <= experts:
            raise ConfigError(
                f"kept: task {task} keeps {list(row)}; it must name one or more different "
                f"experts of 0 .. {num_experts - 1}"
            )
    idle = sorted(experts.difference(*kept))
    if idle:
        raise ConfigError(f"kept: no task keeps {idle}; every expert needs a task")


def kept_links(kept: Sequence[Sequence[int]] | None, num_experts: int, num_tasks: int) -> Kept:
    """Return the experts that each of T tasks keeps."""
    if kept is None:
        return _own_and_shared(num_experts, num_tasks)
    check_kept(kept, num_experts)
    if len(kept) != num_tasks:
        raise ConfigError(
            f"kept: {len(kept)} lists for {num_tasks} tasks; give one list of experts for each, "
            "in their order, or leave it out"
        )
    return tuple(tuple(row) for row in kept)


def reason(error: ConfigError) -> str:
    """Return a message of this module without the option that it begins with."""
    return str(error).partition(": ")[2]


def _own_and_shared(num_experts: int, num_tasks: int) -> Kept:
    """Cut links so that each of T tasks has experts of its own and some that all share (D10).

    Up to half of the experts are dealt out, but one at least to every task. Where there are too
    few for that, all but one are dealt out, and tasks without their own share those of others.
    """
    if num_experts < 3 and num_tasks > 1:
        raise ConfigError(
            f"num_experts: {num_experts} leaves no task both an expert of its own and a shared "
            "one; take 3 or more, or say with `kept` which links stay"
        )
    own = max(1, num_experts // (2 * num_tasks))
    dealt = min(own * num_tasks, num_experts - 1)
    shared = range(dealt, num_experts)
    hands = [
        [expert for expert in range(dealt) if expert % num_tasks == task] or [task % dealt]
        for task in range(num_tasks)
    ]
    return tuple(tuple(sorted({*hand, *shared})) for hand in hands)
