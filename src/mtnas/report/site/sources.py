"""What a report is made from, as files of a study."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mtnas.config.options import RunKey
from mtnas.report.render.layout import Table
from mtnas.report.site.made import Made

Paths = Sequence[str | Path]


@dataclass(frozen=True)
class Sources:
    """The files that a report shows.

    `answer` and `claims` are JSON files, `tables` Markdown files (their ledgers lie beside them) or
    `Table`s, `figures` PNG files with captions (`style.save_figure`; their data lie beside them),
    `sharing` tables and figures, as files, of which tasks should share. `audits` are Markdown
    files, `findings` the JSON files of the same audits. `main` are the runs that are compared in
    the chart (all, if none are named), `homes` the variants under which their searches are stored
    (their own, if none is named), `titles` what readers call methods and variants.
    """

    answer: str | Path | None = None
    claims: str | Path | None = None
    tables: Sequence[str | Path | Table] = ()
    figures: Paths = ()
    sharing: Paths = ()
    diagnoses: Paths = ()
    routes: Paths = ()
    run_folders: Paths = ()
    manifests: Paths = ()
    audits: Paths = ()
    findings: Paths = ()
    main: Sequence[RunKey] = ()
    homes: Mapping[RunKey, str] = field(default_factory=dict)
    titles: Mapping[str, str] = field(default_factory=dict)
    made: Made = field(default_factory=Made)
