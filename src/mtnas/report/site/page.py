"""One HTML file with all: answer, claims, tables, figures, data, runs. It needs no network."""

import base64
import hashlib
from collections import Counter
from pathlib import Path

from markupsafe import Markup

from mtnas.report.names import counted
from mtnas.report.render.html import TEMPLATES, render
from mtnas.report.site.sections import Content, read_content, sections
from mtnas.report.site.sources import Sources
from mtnas.runtime.files import write_text

TITLE = "Boosting Share Routing for Multi-task Learning, reproduced"
MOST = 8  # parts of a section that the contents list unfolded
STYLE, SCRIPT = TEMPLATES / "report.css", TEMPLATES / "report.js"


def write_report(html_path: str | Path, sources: Sources) -> None:
    """Write one self-contained HTML file; the same sources give the same bytes.

    Raises:
        RecordError: a file that was named is missing, or a record is incomplete or was changed.
    """
    content = read_content(sources)
    style, script = (path.read_text(encoding="utf-8") for path in (STYLE, SCRIPT))
    first = content.answers[0] if content.answers else None
    page = render(
        "report.html.j2",
        title=first.question if first else TITLE,
        policy=policy(style, script),
        style=Markup(style),
        script=Markup(script),
        counts=_counts(content),
        answers=content.answers,
        plainly=_plainly(content),
        simulated=content.simulated,
        datasets=counted(len(content.datasets), "data set"),
        told=content.told,
        sections=sections(content),
        most=MOST,
        foot=sources.made.lines(content.runs),
    )
    write_text(html_path, f"{page}\n")


def policy(style: str, script: str) -> str:
    """Return the security policy: this style, this script, pictures in the file, nothing else."""
    return (
        f"default-src 'none'; img-src data:; style-src '{_digest(style)}'; "
        f"script-src '{_digest(script)}'; base-uri 'none'; form-action 'none'"
    )


def _digest(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _counts(content: Content) -> str:
    runs = content.runs
    if not runs:
        return "No runs."
    return f"{counted(len(runs), 'run')}, {counted(len(content.datasets), 'data set')}"


def _plainly(content: Content) -> str:
    """Say what was found where no answer was written: how many claims have which verdict."""
    if content.claims is None or not content.claims.claims:
        return "This study has no answer in words. Its tables and figures are below."
    counts = Counter(claim.entry["verdict"] for claim in content.claims.claims)
    told = ", ".join(f"{count} {verdict}" for verdict, count in counts.items())
    return f"Of {sum(counts.values())} claims: {told}."
