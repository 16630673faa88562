"""The figures of a study: as pictures, or drawn here from the data beside them."""

import base64
import io
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from markupsafe import Markup
from PIL import Image

from mtnas.report.names import caption, dataset_name, simulated_in
from mtnas.report.render.html import render
from mtnas.report.render.style import caption_in
from mtnas.report.site import spaces, sweeps
from mtnas.report.site.anchors import anchor
from mtnas.report.site.spaces import Space
from mtnas.report.site.sweeps import Sweep
from mtnas.runtime.files import existing

TITLES = {"exhaustive": "Every route of space", "gains": "Gains of"}
COLOURS = 256  # of a picture: as sharp with a palette, and a third of the size


@dataclass(frozen=True)
class Drawn:
    """How a figure is drawn from its data, and what is said below it."""

    parts: Callable[[pd.DataFrame], Sequence[Space | Sweep]]
    caption: str


DRAWN = {
    "exhaustive": Drawn(spaces.spaces, spaces.CAPTION),
    "figure7": Drawn(sweeps.sweeps, sweeps.CAPTION),
}


@dataclass(frozen=True)
class Figure:
    """One figure: a picture (its data URI) or drawings, with its caption."""

    id: str
    title: str
    caption: str
    image: str = ""
    drawings: tuple[Markup, ...] = ()

    @property
    def alt(self) -> str:
        """Say what a picture shows, up to the first stop."""
        return f"{self.title}: {re.split(r'(?<=[a-z])[.:;] ', self.caption)[0]}"

    def html(self) -> Markup:
        """Return the figure."""
        return render("figure.html.j2", figure=self)


def figure(path: str | Path) -> Figure:
    """Return a figure for the page, drawn from the data beside the picture where that is known.

    Raises:
        RecordError: the picture is missing.
    """
    path = existing(path)
    about = (anchor("figure", path.stem), title_of(path.stem))
    drawn = next((how for kind, how in DRAWN.items() if path.stem.startswith(kind)), None)
    data = path.with_suffix(".csv")
    if drawn and data.is_file():
        frame = pd.read_csv(data)
        told = caption(drawn.caption, simulated_in(frame))
        return Figure(*about, told, drawings=tuple(part.html() for part in drawn.parts(frame)))
    told = caption_in(path) or about[1]
    encoded = base64.b64encode(_small(path)).decode()
    return Figure(*about, told, image=f"data:image/png;base64,{encoded}")


def title_of(name: str) -> str:
    """Return what readers call a figure: `Figure 3`, `Transfer: capacity linear`."""
    if numbered := re.fullmatch(r"figure(\d+)(?:_(\w+))?", name):
        return f"Figure {numbered[1]}" + f" ({numbered[2]})" * bool(numbered[2])
    first, _, rest = name.partition("_")
    words = rest.replace("_", " ")
    if first in TITLES:
        return f"{TITLES[first]} {dataset_name(rest) if first == 'gains' else rest}"
    return (
        f"{first.capitalize()}: {words}"
        if first == "transfer"
        else name.replace("_", " ").capitalize()
    )


def _small(path: Path) -> bytes:
    """Return a picture with a palette."""
    with Image.open(path) as opened:
        flat = opened.convert("RGB").quantize(
            COLOURS, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE
        )
    buffer = io.BytesIO()
    flat.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()
