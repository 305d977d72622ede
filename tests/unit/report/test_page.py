from __future__ import annotations

import re
from html.parser import HTMLParser

import yaml

from controller.api import CampaignSpec
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


def test_what_others_wrote_stays_text_wherever_it_stands():
    assert {tag for tag, _ in PARSED.elements} & {"script", "img", "iframe", "object", "embed", "link", "form"} == set()
    assert TEXT.count("<script>document.title = 'taken'</script>") >= 10
    handlers = [name for _, attributes in PARSED.elements for name in attributes if name.startswith("on")]
    assert handlers == []


def test_nothing_is_loaded_from_anywhere():
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


def test_a_policy_forbids_what_is_not_there():
    (policy,) = [of["content"] for tag, of in PARSED.elements if tag == "meta" and of.get("http-equiv")]
    assert policy == "default-src 'none'; style-src 'unsafe-inline'"


def test_the_verdict_comes_first_and_the_order_is_that_of_a_reader():
    assert "is better than alone: it recovers" in TEXT
    titles = ["How the trials ended", "When it was whole again", "Numbers", "Trials of ", "How to reproduce it"]
    assert sorted(titles, key=TEXT.index) == titles
    assert TEXT.index("is better than alone") < TEXT.index(titles[0])


def test_the_figure_has_words_for_those_who_do_not_see_it():
    (figure,) = [of for tag, of in PARSED.elements if tag == "svg" and of.get("role") == "img"]
    ids = [of.get("id") for _, of in PARSED.elements]
    assert figure["aria-labelledby"] == "curves-title curves-desc"
    assert {"curves-title", "curves-desc"} <= set(ids)
    named = [each for each in ids if each is not None]
    assert len(named) == len(set(named))
    assert "alone: 75% of 8 by 60 s" in TEXT


def test_a_moment_is_told_in_seconds_after_the_injection_and_the_agents_work_in_order():
    told = TEXT[TEXT.index("Trials of ") :]
    for moment in ("+0.0 s injected", "+4.0 s detected by the agent", "+14.0 s whole again", "+60.0 s deadline"):
        assert moment in re.sub(r"\s+", " ", told)
    assert told.index("+3.0 s") < told.index("+5.0 s bash") < told.index("+10.0 s bash")


def test_the_spec_can_be_applied_again():
    shown = TEXT[TEXT.index("apiVersion:") :].split("The same seed")[0]
    first = shown.split("alone, uid")[0]
    body = yaml.safe_load(first)
    assert body["kind"] == "EvalCampaign"
    assert CampaignSpec.model_validate(body["spec"]).variant.name == HOSTILE


def test_the_same_records_make_the_same_page():
    assert page() == PAGE
