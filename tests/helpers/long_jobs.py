"""Jobs that take long enough to be ended half way."""

from dataclasses import dataclass
from typing import Any

OVERLAY = "config/longer.yaml"
LONGER = """\
training: {epochs: 6, patience: 6}
methods: {mtnas: {search: {steps: 400}}}
"""


@dataclass(frozen=True)
class LongJobs:
    """A training and a search, and the checkout in which nothing ended them."""

    straight: Any
    study = ("--configfile", "config/test.yaml", OVERLAY)
    train = "results/runs/insteval/mmoe/paper/metrics.csv"
    train_log = "results/logs/train/insteval/mmoe/paper.log"
    search = "results/routes/insteval/mtnas/paper/routes.json"
    search_log = "results/logs/search/insteval/mtnas/paper.log"

    @staticmethod
    def lengthen(checkout):
        """Let the jobs of a checkout take longer, and keep a checkpoint all the time."""
        checkout.write(OVERLAY, LONGER)
        checkout.edit("src/mtnas/training/checkpoint.py", "EVERY_S = 60.0", "EVERY_S = 0.2")
        return checkout

    def compare(self, checkout, *names):
        """Compare files of a checkout with those that nothing interrupted."""
        for name in names:
            expected = (self.straight.folder / name).read_bytes()
            assert (checkout.folder / name).read_bytes() == expected, name
