"""Draws curves as SVG to embed in a page, without external resources; colours and dashes are the page's CSS."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib
from markupsafe import Markup, escape
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from controller.analysis.incidence import Incidence
from controller.analysis.survival import Curve

STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "evalcampaign",
    "font.family": "sans-serif",
    "font.size": 10,
}
"""Keeps text as text, and makes ids reproducible."""

ARMS = 6
"""The number of arms with a colour and a dash pattern of their own in the page's CSS, from `.arm-0` on."""


@dataclass(frozen=True, slots=True)
class Line:
    """A share of `n` trials over seconds, with its interval. It belongs to the arm of that number."""

    arm: int
    name: str
    times: tuple[float, ...]
    share: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    n: int


def recovery(curves: Sequence[tuple[int, str, Curve]], deadline: float) -> Markup:
    """Draws the share that is healthy again. Curves are arm, name and the share that has *not* recovered yet."""

    def gone(share: tuple[float, ...]) -> tuple[float, ...]:
        return tuple(1 - value for value in share)

    lines = [Line(arm, name, of.times, gone(of.share), gone(of.high), gone(of.low), of.n) for arm, name, of in curves]
    return _figure(
        "recovery", "Share of trials in which the subject is healthy again", "healthy again", lines, deadline
    )


def detection(incidences: Sequence[tuple[int, str, Incidence]], deadline: float) -> Markup:
    """Draws the share of all scored trials that the agent has detected."""
    lines = [Line(arm, name, of.times, of.share, of.low, of.high, of.by_deadline.n) for arm, name, of in incidences]
    return _figure("detection", "Share of trials in which the agent has a ticket", "detected", lines, deadline)


def _figure(kind: str, title: str, counted: str, lines: Sequence[Line], deadline: float) -> Markup:
    """Names are not drawn (a `$` in one would be mathematics): the page has the legend, and `desc` says them."""
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(5.4, 3.1), layout="constrained")
        axes = figure.add_subplot()
        figure.patch.set_visible(False)
        axes.patch.set_visible(False)
        for line in lines:
            times, share, low, high = _to_the_end(line, deadline)
            axes.fill_between(times, low, high, step="post", alpha=0.2, linewidth=0, gid=f"band-{line.arm}")
            axes.step(times, share, where="post", linewidth=2, gid=f"curve-{line.arm}")
        axes.set(
            xlim=(0, deadline), ylim=(-0.02, 1.02), xlabel="seconds since the injection", ylabel=f"trials {counted}"
        )
        axes.yaxis.set_major_formatter(PercentFormatter(1.0))
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(alpha=0.25)
        drawn = io.StringIO()
        figure.savefig(drawn, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    description = "; ".join(f"{line.name}: {line.share[-1]:.0%} of {line.n} by {deadline:g} s" for line in lines)
    return _embedded(drawn.getvalue(), kind, f"{title}, over time", description)


def _to_the_end(line: Line, deadline: float) -> list[list[float]]:
    """Returns times, share, low and high, with the last values continued to the deadline."""
    end = max(deadline, line.times[-1])
    return [[*line.times, end], *([*values, values[-1]] for values in (line.share, line.low, line.high))]


def _embedded(svg: str, kind: str, title: str, description: str) -> Markup:
    """Returns only the SVG element, without XML namespaces (HTML needs none), and with a text alternative.

    Ids are made the figure's own, for a page has several; what is drawn of an arm gets that arm's class.
    """
    element = svg[svg.index("<svg") :]
    element = re.sub(r"<metadata>.*?</metadata>", "", element, flags=re.DOTALL)
    element = re.sub(r'id="(band|curve)-(\d+)"', r'class="\1 arm-\2"', element)
    element = re.sub(r'(id="|url\(#|href="#)', rf"\1{kind}-", element)
    head, rest = element.split(">", 1)
    head = re.sub(r'\s+(xmlns(:\w+)?|version|width|height)="[^"]*"', "", head)
    title_id, said_id = f"{kind}-title", f"{kind}-desc"
    words = f'<title id="{title_id}">{escape(title)}</title><desc id="{said_id}">{escape(description)}</desc>'
    return Markup(f'{head} role="img" aria-labelledby="{title_id} {said_id}">{words}{rest}')
