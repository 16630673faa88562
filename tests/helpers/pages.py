"""A small study with everything that a report shows, and the page as a reader's program sees it."""

from collections import Counter
from html.parser import HTMLParser
from pathlib import Path

from mtnas.data.prepare.manifest import TaskSummary
from mtnas.report.claims import write_ledger
from mtnas.report.render.layout import Block, Cell, Column, Row, Source, Table
from mtnas.report.render.style import new_figure, save_figure, styled
from mtnas.report.render.writers import write_table
from mtnas.report.site.made import Made
from mtnas.report.site.sources import Sources
from mtnas.routes.named import full_sharing, share_bottom
from mtnas.routes.space import SearchSpace
from mtnas.runtime.files import write_json
from tests.helpers.runs import NAMES, NOISE, make_run
from tests.helpers.searches import write_search
from tests.helpers.tables import write_manifest

SPACE = SearchSpace(2, 3, 2, "root")
EVIL = "<script>alert('x')</script> a|b *c* \\ & d"
METHODS = {"single_task": 0.78, "share_bottom": 0.77, "mmoe": 0.79, "ml_mmoe": 0.78, "mtnas": 0.80}
VOID = ("meta", "br", "img", "input")


def study(root: Path, *, evil: str = "") -> Sources:
    """Write the files of a study of five methods below a folder; `evil` goes wherever texts do."""
    runs = [
        make_run(root / "runs", name, (auc, 0.8), noise=NOISE * (place + 1))
        for place, (name, auc) in enumerate(METHODS.items())
    ]
    routes = {0: share_bottom(SPACE), 1: full_sharing(SPACE)}
    told = {"probability": 0.25, "entropy": 1.2, "uniform_entropy": 1.5}
    search = write_search(
        root / "routes.json", routes, blocks=lambda route: dict.fromkeys(SPACE.blocks, told)
    )
    tasks = tuple(TaskSummary(name=f"t{i}", rule=f"r > {i} {evil}") for i in range(2))
    manifest = write_manifest(
        root / "manifest.json", "bookcrossing", title=evil or "Books", tasks=tasks,
        rows=100, rows_dropped={f"no rating {evil}": 34},
    )  # fmt: skip
    write_ledger(root / "claims.json", root / "claims.md", run_folders=runs, manifests=[manifest])
    answer = {
        "question": f"Which sharing should I use? {evil}",
        "statements": [
            {"kind": kind, "text": f"{kind} {evil}", "anchor": anchor}
            for kind, anchor in (("asked", None), ("found", "claim-C1"), ("do", "claim-C99"))
        ],
        "intervals": [
            {"label": f"MMoE {evil}", "dataset": "bookcrossing", "low": -0.1, "estimate": 0.2,
             "high": 0.3, "unit": "AUC", "verdict": "inconclusive", "anchor": None}
        ],
    }  # fmt: skip
    write_json(root / "answer.json", {"answers": [answer]})
    return Sources(
        answer=root / "answer.json",
        claims=root / "claims.json",
        tables=[_table(root, evil), _other_table(root)],
        figures=[_figure(root, evil)],
        routes=[search],
        run_folders=runs,
        manifests=[manifest],
        titles=NAMES.titles,
        made=Made(f"snakemake {evil}", "2020-01-01", {"commit": "c0ffee", "dirty": True},
                  {"python": "3", "platform": "a machine", "cpu_count": 2}),
    )  # fmt: skip


def _table(root: Path, evil: str) -> Path:
    """Write Table 2 with one score of each run, and one dataset beside them."""
    columns = (Column("AUC0", "Book-Crossing"), Column("AUC0", f"MovieLens {evil}"))
    rows = []
    for name, auc in METHODS.items():
        folder = f"results/runs/bookcrossing/{name}/paper"
        source = Source("bookcrossing", name, "paper", "auc", "t0", 3, folder, "c0de")
        cells = (Cell(auc, spread=0.001, source=source), Cell())
        rows.append(Row(f"{name} {evil}".strip(), cells))
    blocks = (Block("", "Method", columns, tuple(rows)), Block(evil, "Again", columns, tuple(rows)))
    table = Table("table2", f"Scores {evil}".strip(), blocks, (f"A note. {evil}",))
    write_table(table, md=root / "table2.md", cells=root / "table2.cells.csv")
    return root / "table2.md"


def _other_table(root: Path) -> Path:
    """Write Table 3, of a dataset of its own, with a note."""
    columns = (Column("AUC0", "MovieLens"), Column("AUC1", "MovieLens"))
    blocks = (Block("", "Method", columns, (Row("MMoE", (Cell(0.7), Cell(0.6))),)),)
    table = Table("table3", "Scores of another one", blocks, ("A note on it.",))
    write_table(table, md=root / "table3.md", cells=root / "table3.cells.csv")
    return root / "table3.md"


def _figure(root: Path, evil: str) -> Path:
    path = root / "figure9.png"
    with styled():
        save_figure(new_figure(1, 1), [path], f'A caption with "quotes" & <tags>. {evil}')
    return path


class Page(HTMLParser):
    """Tags, attributes and texts of a page; tags must close in order."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: Counter[str] = Counter()
        self.attributes: list[tuple[str, str, str]] = []  # tag, name, value
        self.text: list[str] = []
        self.feed(html)
        assert not self.open, self.open

    def handle_starttag(self, tag, attrs):
        self.tags[tag] += 1
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags[tag] += 1
        self.attributes += [(tag, name, value or "") for name, value in attrs]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag, (tag, self.open)

    def handle_data(self, data):
        self.text.append(data)

    def values(self, name: str, tag: str = "") -> list[str]:
        """Return the values of an attribute, of all tags or of one."""
        return [v for t, n, v in self.attributes if n == name and tag in ("", t)]

    @property
    def words(self) -> str:
        """Return all text."""
        return " ".join(self.text)
