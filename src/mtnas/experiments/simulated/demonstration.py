"""Three tasks in the plane: one model, other data, and so transfer that helps or harms.

The demonstration of the blog on Wu, Zhang, Ré (ICLR 2020), Fig. 3, whose data are not published;
ours are `transfer.generators.three_tasks`. Task 1 is learned alone, or together with task 2 or 3
through one direction B (capacity 1) and a head per task, Eq. (1). Accuracy is that on clean labels
of task 1's own distribution, in closed form: 1 - angle / 180 degrees.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import scipy
from pydantic import Field

from mtnas.evidence.simulated_record import Line
from mtnas.experiments.simulated._options import Angles, Loss, Losses, Shares
from mtnas.runtime import options as base
from mtnas.runtime import seeds
from mtnas.transfer import linear
from mtnas.transfer.arrays import Floats, TaskData
from mtnas.transfer.generators import Planted, three_tasks

TITLE = "Same model, other data: positive and negative transfer"
SETTINGS = {
    "loss": "what is minimised: squared error of labels -1 and 1, or logistic loss",
    "rows": "rows of each task",
    "angle": "degrees between the boundaries of task 1 and of tasks 2 and 3",
    "wedge_share": "expected share of the rows of task 3 between the boundaries (task 2: 0)",
    "flips": "expected share of wrong labels",
    "partner": "learned together with task 1: none, task_2 or task_3",
    "task": "task that a point or a direction is of (1, 2, 3)",
    "point": "number of a point",
}
METRICS = {
    "accuracy": "share of task 1's distribution that is classified right, without label noise",
    "gain": "accuracy minus that of task 1 alone; above 0: positive transfer",
    "x1": "first coordinate of a point (first seed only)",
    "x2": "second coordinate of a point (first seed only)",
    "label": "label of a point, -1 or 1 (first seed only)",
    "truth1": "first coordinate of the normal of a task's boundary (first seed only)",
    "truth2": "second coordinate of the normal of a task's boundary (first seed only)",
    "learned1": "first coordinate of the normal learned for task 1, length 1 (first seed only)",
    "learned2": "second coordinate of the normal learned for task 1, length 1 (first seed only)",
}
PARTNERS = {"none": (), "task_2": (1,), "task_3": (2,)}


class Options(base.Options):
    """What is drawn and how it is learned."""

    rows: int = Field(50, ge=2, description="rows of each task")
    angles: Angles = Field((20.0, 30.0, 45.0), description="degrees between the two boundaries")
    wedge_share: float = Field(
        0.4, ge=0, le=1, description="expected share of the rows of task 3 between the boundaries"
    )
    flips: Shares = Field((0.0, 0.1, 0.25), description="expected shares of wrong labels")
    losses: Losses = Field(
        ("squared", "logistic"), description="what is minimised: squared, logistic"
    )
    ridge: float = Field(
        1e-3,
        gt=0,
        description="logistic loss only: half of it times the squared length of B and of the heads "
        "is added to the mean loss; without it separable data have no minimum",
    )


def unit(options: Options, seed: int) -> list[Line]:
    """Return accuracies and gains of one seed; all settings begin with the same random numbers."""
    rows = []
    for angle in options.angles:
        for flips in options.flips:
            planted = _draw(options, seed, angle, flips)
            for loss in options.losses:
                setting = {"loss": loss, **_setting(options, angle, flips)}
                rows += [{**setting, **row} for row in _compared(planted, loss, options.ridge)]
    return rows


def shown(options: Options, seed: int) -> list[Line]:
    """Return the points of the first angle and share of flips, and what was learned from them."""
    angle, flips = options.angles[0], options.flips[0]
    planted = _draw(options, seed, angle, flips)
    rows = [*_points(planted), *_truths(planted)]
    for loss in options.losses:
        for partner, others in PARTNERS.items():
            normal = _learn(planted, others, loss, options.ridge)
            place: Line = {"loss": loss, "partner": partner, "task": 1}
            rows += [
                {**place, "metric": f"learned{i}", "value": value}
                for i, value in enumerate(normal / np.linalg.norm(normal), start=1)
            ]
    return [{**_setting(options, angle, flips), **row} for row in rows]


def _draw(options: Options, seed: int, angle: float, flips: float) -> Planted:
    rng = seeds.generator(seed, "synthetic")
    return three_tasks(rng, options.rows, angle, options.wedge_share, flips)


def _setting(options: Options, angle: float, flips: float) -> dict[str, float]:
    share = options.wedge_share
    return {"rows": options.rows, "angle": angle, "wedge_share": share, "flips": flips}


def _compared(planted: Planted, loss: Loss, ridge: float) -> Iterator[Line]:
    alone = 0.0
    for partner, others in PARTNERS.items():
        accuracy = _accuracy(_learn(planted, others, loss, ridge), planted.theta_DK[:, 0])
        yield {"partner": partner, "metric": "accuracy", "value": accuracy}
        if not others:
            alone = accuracy
            continue
        yield {"partner": partner, "metric": "gain", "value": accuracy - alone}


def _accuracy(learned_D: Floats, truth_D: Floats) -> float:
    """Return the share of a round distribution on which two boundaries through 0 agree."""
    lengths = float(np.linalg.norm(learned_D) * np.linalg.norm(truth_D))
    if lengths == 0:
        return 0.5
    return 1 - float(np.arccos(np.clip(learned_D @ truth_D / lengths, -1, 1))) / np.pi


def _learn(planted: Planted, others: Sequence[int], loss: Loss, ridge: float) -> Floats:
    """Return the model of task 1, learned with others through one direction."""
    tasks = [planted.tasks[k] for k in (0, *others)]
    xs, ys = zip(*tasks, strict=True)
    found = linear.fit(xs, ys, 1, rng=np.random.default_rng(0))
    if loss == "squared":
        return np.asarray(found.theta[:, 0])
    begins = [found.b_DR[:, 0], *(linear.single(x, y) for x, y in tasks)]
    fits = [_logistic(tasks, begin / np.linalg.norm(begin), ridge) for begin in begins]
    return min(fits, key=lambda fit: fit[0])[1]


def _logistic(tasks: Sequence[TaskData], b_D: Floats, ridge: float) -> tuple[float, Floats]:
    """Minimise the mean logistic loss plus ridge from one beginning: the loss, the first model."""
    dim, size = len(b_D), sum(len(y) for _, y in tasks)

    def objective(flat: Floats) -> tuple[float, Floats]:
        b_D, heads = flat[:dim], flat[dim:]
        loss, slope = ridge / 2 * float(flat @ flat), ridge * flat
        for k, (x_ND, y_N) in enumerate(tasks):
            inner_N = x_ND @ b_D
            margin_N = y_N * inner_N * heads[k]
            pull_N = -y_N * scipy.special.expit(-margin_N) / size
            loss += float(np.logaddexp(0, -margin_N).sum()) / size
            slope[:dim] += heads[k] * (pull_N @ x_ND)
            slope[dim + k] += float(pull_N @ inner_N)
        return loss, slope

    heads = [linear.heads(x, b_D[:, None], y)[0] for x, y in tasks]
    found = scipy.optimize.minimize(objective, [*b_D, *heads], jac=True, method="BFGS")
    return float(found.fun), np.asarray(found.x[:dim] * found.x[dim])


def _points(planted: Planted) -> Iterator[Line]:
    for task, (x_ND, y_N) in enumerate(planted.tasks, start=1):
        for point, (x, y) in enumerate(zip(x_ND, y_N, strict=True)):
            place = {"task": task, "point": point}
            for metric, value in (("x1", x[0]), ("x2", x[1]), ("label", y)):
                yield {**place, "metric": metric, "value": float(value)}


def _truths(planted: Planted) -> Iterator[Line]:
    for task, theta_D in enumerate(planted.theta_DK.T, start=1):
        for i, value in enumerate(theta_D, start=1):
            yield {"task": task, "metric": f"truth{i}", "value": float(value)}
