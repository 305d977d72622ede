"""The recovery curves as SVG that can stand in a page: nothing from elsewhere, and colours from the page's own CSS."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from typing import Any

import matplotlib
from markupsafe import Markup, escape
from matplotlib.figure import Figure

from controller.analysis.survival import Curve

STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "evalcampaign",
    "font.family": "sans-serif",
    "font.size": 11,
}
"""Text stays text, and ids are the same every time."""

ARMS = 6
"""So many colours there are; the page's CSS has one for each, `--arm-0` and on."""


def recovery(curves: Sequence[tuple[str, Curve]], deadline: float) -> Markup:
    """The share that is whole again, over the seconds since the injection, with the pointwise 95 % intervals.

    Names are not drawn (a `$` in one would be read as mathematics): the page has the legend, and `desc` says them.
    """
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(7, 3.2), layout="constrained")
        axes = figure.add_subplot()
        figure.patch.set_visible(False)
        axes.patch.set_visible(False)
        for index, (_, curve) in enumerate(curves):
            times = [*curve.times, max(deadline, curve.times[-1])]
            share = [1 - value for value in (*curve.share, curve.share[-1])]
            low = [1 - value for value in (*curve.high, curve.high[-1])]
            high = [1 - value for value in (*curve.low, curve.low[-1])]
            axes.fill_between(times, low, high, step="post", alpha=0.2, linewidth=0, gid=f"band-{index % ARMS}-{index}")
            axes.step(times, share, where="post", linewidth=2, gid=f"curve-{index % ARMS}-{index}")
        axes.set(xlim=(0, deadline), ylim=(0, 1.02), xlabel="seconds since the injection", ylabel="share whole again")
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(alpha=0.25)
        drawn = io.StringIO()
        figure.savefig(drawn, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    names = "; ".join(f"{name}: {1 - curve.share[-1]:.0%} of {curve.n} by {deadline:g} s" for name, curve in curves)
    return _embedded(drawn.getvalue(), "Share of trials in which the subject is whole again, over time", names)


def _embedded(svg: str, title: str, description: str) -> Markup:
    """Only the element, without name spaces (an HTML parser knows them), with words for those who do not see it."""
    element = svg[svg.index("<svg") :]
    element = re.sub(r"<metadata>.*?</metadata>", "", element, flags=re.DOTALL)
    head, rest = element.split(">", 1)
    head = re.sub(r'\s+(xmlns(:\w+)?|version|width|height)="[^"]*"', "", head)
    words = f'<title id="curves-title">{escape(title)}</title><desc id="curves-desc">{escape(description)}</desc>'
    labelled = f'{head} role="img" aria-labelledby="curves-title curves-desc">'
    return Markup(labelled + words + rest)
