"""What cheap measures told over several diagnosed datasets."""

from collections.abc import Sequence

import pandas as pd

from mtnas.evidence.diagnosis.predict import PAIR_COLUMNS, Predicts, predictions
from mtnas.evidence.diagnosis.report import Diagnosis, MeasureOfPair, Pair


def pooled(found: Sequence[Diagnosis]) -> dict[str, list[Predicts]]:
    """Return, by the metric of the gains, how every measure ranks the pairs of all datasets.

    Pairs of datasets whose gains are in one metric are ranked together, so that a measure may also
    tell on which dataset tasks gain.
    """
    metrics = dict.fromkeys(one.metric for one in found)
    return {metric: _pooled([one for one in found if one.metric == metric]) for metric in metrics}


def _pooled(found: Sequence[Diagnosis]) -> list[Predicts]:
    columns = list(MeasureOfPair.model_fields)
    measures = [
        pd.DataFrame([m.model_dump() for m in one.measures], columns=columns).astype(
            {"value": float}
        )
        for one in found
    ]
    return predictions(measures, [gains_of_pairs(one.dataset, one.pairs) for one in found])


def gains_of_pairs(dataset: str, pairs: Sequence[Pair]) -> pd.DataFrame:
    """Return the mean gains of all ordered pairs (`PAIR_COLUMNS`)."""
    lines = [(dataset, pair.first, pair.second, pair.mean) for pair in pairs]
    return pd.DataFrame(lines, columns=list(PAIR_COLUMNS))
