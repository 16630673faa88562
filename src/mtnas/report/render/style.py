"""One look for all figures: print size, colour-blind safe, the same bytes every time.

Exhibits import this where the workflow is parsed, so matplotlib is loaded where it draws.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mtnas.report.names import SIMULATED
from mtnas.runtime.errors import ConfigError
from mtnas.runtime.files import atomic_path

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PAGE_WIDTH = 7.2  # inches: the text width of an A4 page
MARGIN = 0.1  # inches
# The palette of Okabe and Ito, and six more that stay apart from it and from each other under the
# common colour deficiencies; black is kept for "shared". A prime number of markers makes pairs of
# both last for many more tasks.
TASK_COLOURS = (
    *("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9"),
    *("#000080", "#7B68EE", "#661100", "#7A0177", "#8B4513", "#C0A860"),
)
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">", "p", "h", "d", "*")
SHARED = "#333333"
PALE = "#B8B8B8"
FAINT = "#717171"  # text that steps back
WARNING = "#B00020"

CAPTION = "Description"  # where PNG files keep it
STYLE: dict[Any, Any] = {
    "font.family": "DejaVu Sans",  # shipped with matplotlib: equal bytes on every machine
    "font.size": 8.0,
    "axes.titlesize": 8.0,
    "axes.labelsize": 8.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.6,
    "xtick.labelsize": 7.0,
    "ytick.labelsize": 7.0,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "legend.fontsize": 7.0,
    "legend.frameon": False,
    "lines.linewidth": 1.2,
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    "pdf.fonttype": 42,
}


@contextmanager
def styled() -> Iterator[None]:
    """Apply the style inside the block only: matplotlib's settings are global."""
    import matplotlib as mpl

    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(STYLE)
        yield


def new_figure(width: float, height: float) -> "Figure":
    """Return an empty figure of the given size in inches, drawn by Agg without pyplot."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height))
    FigureCanvasAgg(figure)
    return figure


def axes_at(figure: "Figure", left: float, bottom: float, width: float, height: float) -> "Axes":
    """Add axes at a place given in inches."""
    w, h = figure.get_size_inches()
    return figure.add_axes((left / w, bottom / h, width / w, height / h))


def write_at(
    figure: "Figure", left: float, top: float, text: str, size: float = 7, **style: Any
) -> None:
    """Write text whose upper left corner is at a place given in inches."""
    w, h = figure.get_size_inches()
    figure.text(left / w, top / h, text, **{"fontsize": size, "va": "top", **style})


def write_title(
    figure: "Figure",
    top: float,
    text: str,
    simulated: bool = False,
    left: float = MARGIN,
    right: float = PAGE_WIDTH - MARGIN,
    size: float = 9,
) -> None:
    """Write a title from `left`, and up to `right` that the data are simulated."""
    write_at(figure, left, top, text, size, fontweight="bold")
    if simulated:
        style = {"fontweight": "bold", "color": WARNING, "ha": "right"}
        write_at(figure, right, top, SIMULATED, size, **style)


def task_colour(task: int | str) -> str:
    """Return the colour of task 0, 1, ... (or `t0`, `t1`, ...); after twelve they repeat."""
    return TASK_COLOURS[_number(task) % len(TASK_COLOURS)]


def task_marker(task: int | str) -> str:
    """Return the marker of task 0, 1, ...: no two of 156 tasks have colour and marker in common."""
    return MARKERS[_number(task) % len(MARKERS)]


def _number(task: int | str) -> int:
    return int(task.removeprefix("t")) if isinstance(task, str) else task


def ink_on(colour: str) -> str:
    """Return the colour, black or white, in which text on `colour` has more contrast (>= 4.5)."""
    luminance = _luminance(colour)
    return "white" if 1.05 / (luminance + 0.05) >= (luminance + 0.05) / 0.05 else "black"


def as_text(colour: str) -> str:
    """Return `colour`, made as dark as text on white has to be to be read (contrast >= 4.5)."""
    from matplotlib.colors import to_hex, to_rgb

    red, green, blue = to_rgb(colour)
    shades = (to_hex((s * red, s * green, s * blue)) for s in (i / 20 for i in range(20, -1, -1)))
    return next(shade for shade in shades if 1.05 / (_luminance(shade) + 0.05) >= 4.5)


def _luminance(colour: str) -> float:
    """Return the relative luminance of a colour, from 0 to 1 (WCAG 2.1)."""
    from matplotlib.colors import to_rgb

    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in to_rgb(colour)]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def save_figure(figure: "Figure", outputs: Sequence[str | Path], caption: str = "") -> None:
    """Write the figure to every output (.png at 200 dpi, .pdf), atomically and without dates.

    The caption travels inside the file, so the report needs no second list of captions.

    Raises:
        ConfigError: an output ends in neither .png nor .pdf.
    """
    for output in map(Path, outputs):
        if output.suffix not in (".png", ".pdf"):
            raise ConfigError(f"{output}: figures are written as .png or .pdf")
        with styled(), atomic_path(output) as path:
            figure.savefig(path, dpi=200, metadata=_metadata(output.suffix, caption))


def _metadata(suffix: str, caption: str) -> dict[str, str | None]:
    """Return what the file says about itself; None drops the date that matplotlib would add."""
    if suffix == ".png":
        return {CAPTION: caption} if caption else {}
    return {"CreationDate": None, "Subject": caption}


def caption_in(path: str | Path) -> str:
    """Return the caption that `save_figure` left in a PNG file."""
    from PIL import Image

    with Image.open(path) as opened:
        return str(opened.info.get(CAPTION, ""))
