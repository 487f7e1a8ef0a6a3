"""How the pictures look: two themes, their colours, and writing a figure to a file."""

from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import Colormap, to_rgb
from matplotlib.figure import Figure

__all__ = [
    "DARK",
    "LIGHT",
    "MARKERS",
    "SCALE",
    "Picture",
    "Theme",
    "figure",
    "render",
    "text_colour",
]

# Perceptually uniform, and ordered by lightness for every kind of colour vision and in print.
SCALE: Colormap = mpl.colormaps["viridis"]
MARKERS = ("o", "D", "s", "^", "v", "P")


@dataclass(frozen=True)
class Theme:
    """Colours of one appearance of the page.

    Attributes
    ----------
    paper, tint, ink, muted, rule : str
        Background, a shade off it for empty cells, text, secondary text and thin lines.
    series : tuple of str
        Colours of what is drawn side by side, as leaks (Okabe and Ito, 2008: told apart by every kind
        of colour vision).
    """

    paper: str
    tint: str
    ink: str
    muted: str
    rule: str
    series: tuple[str, ...]

    @property
    def settings(self) -> dict[Any, Any]:
        """Matplotlib settings of this theme, for `matplotlib.rc_context`."""
        return {
            "font.family": "DejaVu Sans",  # ships with matplotlib: the same picture on every machine
            "font.size": 9,
            "axes.edgecolor": self.muted,
            "axes.facecolor": self.paper,
            "axes.labelcolor": self.ink,
            "axes.labelsize": 9,
            "axes.spines.right": False,
            "axes.spines.top": False,
            "axes.titlecolor": self.ink,
            "axes.titlesize": 10,
            "axes.titlelocation": "left",
            "axes.titlepad": 8,
            "figure.constrained_layout.h_pad": 0.1,
            "figure.constrained_layout.w_pad": 0.1,
            "figure.facecolor": self.paper,
            "grid.color": self.rule,
            "grid.linewidth": 0.8,
            "hatch.color": self.muted,
            "hatch.linewidth": 0.6,
            "legend.frameon": False,
            "legend.labelcolor": self.ink,
            "savefig.facecolor": self.paper,
            "svg.hashsalt": "relusweep",  # the same data give the same bytes
            "text.color": self.ink,
            "xtick.color": self.muted,
            "xtick.labelcolor": self.ink,
            "xtick.labelsize": 8.5,
            "ytick.color": self.muted,
            "ytick.labelcolor": self.ink,
            "ytick.labelsize": 8.5,
        }


_OKABE_ITO = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#8a6d00", "#56b4e9")
_OKABE_ITO_ON_DARK = ("#56b4e9", "#f28e3b", "#3ccfa4", "#e8a6c8", "#f0e442", "#a9c9e8")
LIGHT = Theme(
    paper="#ffffff", tint="#f1f3f6", ink="#1c2127", muted="#6b7480", rule="#e4e7eb", series=_OKABE_ITO
)
DARK = Theme(
    paper="#15181d", tint="#20252c", ink="#e6e9ed", muted="#939daa", rule="#2c323a", series=_OKABE_ITO_ON_DARK
)


@dataclass(frozen=True)
class Picture:
    """A picture of the report, drawn on demand in either theme.

    Attributes
    ----------
    name : str
        Stem of its files.
    alt : str
        What it shows, for those who do not see it.
    caption : str
        What every mark and number in it means. The page shows sentences that fit into two lines, the most
        important first, and the others behind a fold.
    draw : callable
        Makes the figure in a theme.
    """

    name: str
    alt: str
    caption: str
    draw: Callable[[Theme], Figure]


def figure(width: float, height: float) -> Figure:
    """Make an empty figure of a size in inches, laid out automatically and drawn with Agg."""
    empty = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(empty)
    return empty


def render(picture: Picture, theme: Theme, kind: str) -> bytes:
    """Draw a picture in a theme; return the bytes of a file of the `kind` "png" or "svg"."""
    buffer = BytesIO()
    metadata = {"Date": None} if kind == "svg" else None
    with mpl.rc_context(theme.settings):
        picture.draw(theme).savefig(buffer, format=kind, dpi=200, metadata=metadata)
    return buffer.getvalue()


def text_colour(background: Any) -> str:
    """Return black or white, whichever stands out more on a colour (contrast of WCAG 2.2)."""
    channels = np.asarray(to_rgb(background))
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    luminance = float(linear @ (0.2126, 0.7152, 0.0722))
    return "#ffffff" if 1.05 / (luminance + 0.05) > (luminance + 0.05) / 0.05 else "#000000"
