from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
import yaml

from controller.analysis.summary import analyze
from controller.analysis.trial import Trial
from controller.api import CampaignSpec, Outcome
from controller.report.page import CampaignSection, render
from tests.unit.analysis.samples import arm, trial
from tests.unit.records.samples import at
from tests.unit.report.samples import HOSTILE, page

VOID = {"meta", "br", "img", "link", "input", "hr"}
LOADS = {"src", "srcset", "href", "data", "action", "formaction", "poster", "background", "ping"}


class Parsed(HTMLParser):
    """Elements and text as a browser would find them; unbalanced elements are an error."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


PAGE = page()
PARSED = Parsed(PAGE)
TEXT = "".join(PARSED.text)


def test_what_others_wrote_stays_text_wherever_it_stands() -> None:
    assert {tag for tag, _ in PARSED.elements} & {"script", "img", "iframe", "object", "embed", "link", "form"} == set()
    assert TEXT.count("<script>document.title = 'taken'</script>") >= 10
    handlers = [name for _, attributes in PARSED.elements for name in attributes if name.startswith("on")]
    assert handlers == []


def test_a_long_text_of_theirs_is_folded_and_is_text_inside_and_out() -> None:
    folded = PAGE[PAGE.index('<li class="reasoning">') :]
    summary = re.search(r"<summary>(.*?)</summary><pre>(.*?)</pre>", folded, re.DOTALL)
    assert summary is not None
    assert "<" not in summary[1] and "&lt;script&gt;" in summary[1]
    assert "<" not in summary[2] and summary[2].count("&lt;script&gt;") == 10


def test_nothing_is_loaded_from_anywhere() -> None:
    loaded = [
        value
        for _, attributes in PARSED.elements
        for name, value in attributes.items()
        if name.rpartition(":")[2] in LOADS and not (value or "").startswith("#")
    ]
    assert loaded == []
    style = PAGE[PAGE.index("<style>") : PAGE.index("</style>")]
    assert "url(" not in style and "@import" not in style
    assert "http" not in PAGE.replace(HOSTILE, "").replace("http-equiv", "").replace("https://evil.example", "")


def test_a_policy_forbids_what_is_not_there() -> None:
    (policy,) = [of["content"] for tag, of in PARSED.elements if tag == "meta" and of.get("http-equiv")]
    assert policy == "default-src 'none'; style-src 'unsafe-inline'"


def test_the_conclusion_comes_first_and_the_order_is_that_of_a_reader() -> None:
    assert "is better than alone: within the first 60 s of a trial it was unrecovered for" in TEXT
    titles = ["At a glance", "How the trials ended", "How soon", "Numbers", "Trials of ", "How to reproduce it"]
    assert sorted(titles, key=TEXT.index) == titles
    assert TEXT.index("is better than alone") < TEXT.index(titles[0])


def test_the_figures_have_words_for_those_who_do_not_see_them() -> None:
    ids = [of.get("id") for _, of in PARSED.elements]
    figures = [of["aria-labelledby"] for tag, of in PARSED.elements if tag == "svg" and of.get("role") == "img"]
    assert figures == ["recovery-title recovery-desc", "detection-title detection-desc"]
    assert {"recovery-title", "recovery-desc", "detection-title", "detection-desc"} <= set(ids)
    assert "alone: 75% of 8 by 60 s" in TEXT
    assert f"{HOSTILE}: 0% of 8 by 60 s" in TEXT, "of the detection, which no trial of it had"


def test_ids_are_not_used_twice_and_what_figures_refer_to_is_there() -> None:
    ids = [of["id"] for _, of in PARSED.elements if of.get("id")]
    assert len(ids) == len(set(ids))
    referred = [of["xlink:href"] for _, of in PARSED.elements if of.get("xlink:href")]
    referred += re.findall(r"url\((#[^)]+)\)", PAGE)
    assert referred and {reference.removeprefix("#") for reference in referred} <= set(ids)


def test_an_arm_has_the_same_dash_and_colour_wherever_it_is_drawn() -> None:
    classes = [of.get("class") or "" for _, of in PARSED.elements]
    drawn = [each for each in classes if re.fullmatch(r"(curve|band|stroke) arm-\d", each)]
    assert [each for each in drawn if each.startswith("curve")] == ["curve arm-0", "curve arm-1", "curve arm-0"]
    assert {"stroke arm-0", "stroke arm-1"} <= set(drawn)


EMPTY: list[tuple[list[Trial], str]] = [
    ([], "no attempt has ended yet"),
    ([trial(1, Outcome.INFRA_ERROR, window=None)] * 3, "nothing is known. 3 attempts ended"),
    ([trial(1, Outcome.RESOLVED, recovered=5.0, detected=2.0)], "1 of 1 scored trials recovered by the deadline (100%"),
]


@pytest.mark.parametrize("mode", ["baseline", "agent", "control"])
@pytest.mark.parametrize(("trials", "conclusion"), EMPTY)
def test_of_few_trials_or_none_that_count_the_page_says_so(trials: list[Trial], conclusion: str, mode: str) -> None:
    found = arm("few", trials, mode=mode)
    shown = render([CampaignSection("few", analyze(found.campaign, trials), (), 0, ())], [], at(0), "evalcampaign 1")
    told = re.sub(r"\s+", " ", "".join(Parsed(shown).text))
    assert (conclusion in told) or (mode == "control" and "0 of 1 scored trials were quiet" in told)
    assert ("How soon" in told) == (mode != "control" and "1 of 1" in conclusion)
    assert ("Nothing was scored" in told) == ("1 of 1" not in conclusion)


def test_a_moment_is_told_in_seconds_after_the_injection_and_the_agents_work_in_order() -> None:
    told = TEXT[TEXT.index("Trials of ") :]
    for moment in ("+0.0 s injected", "+4.0 s detected by the agent", "+14.0 s healthy again", "+60.0 s deadline"):
        assert moment in re.sub(r"\s+", " ", told)
    assert told.index("+3.0 s said") < told.index("+5.0 s bash") < told.index("+10.0 s bash")


def test_the_spec_can_be_applied_again() -> None:
    shown = TEXT[TEXT.index("apiVersion:") :].split("The same seed")[0]
    first = shown.split("alone, uid")[0]
    body = yaml.safe_load(first)
    assert body["kind"] == "EvalCampaign"
    assert CampaignSpec.model_validate(body["spec"]).variant.name == HOSTILE


def test_the_same_records_make_the_same_page() -> None:
    assert page() == PAGE
