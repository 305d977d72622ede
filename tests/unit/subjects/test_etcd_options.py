"""A campaign cannot ask etcd for what it does not offer and then believe that it got it."""

from __future__ import annotations

from dataclasses import fields

import pytest

from subjects.etcd import EtcdSubject
from subjects.etcd.options import refuse_options
from subjects.protocol import SubjectContext, SubjectOptions, Unsupported

ASKED = {
    "probe": ("write", "spec.subject.probe (its oracle always writes"),
    "selectors": ({"etcd": "app=etcd"}, "spec.subject.selectors (it is the StatefulSet etcd"),
    "endpoints": (("http://etcd-0.etcd:2379",), "spec.subject.endpoints (members are asked at their pods' addresses"),
    "tls_secret": ("etcd-client", "spec.subject.tlsSecret (members are asked in plain HTTP)"),
    "reset": ("recreate", "spec.reset (its reset mends pods, moves leadership and keeps all data)"),
}


@pytest.mark.parametrize("option", [field.name for field in fields(SubjectOptions)])
def test_every_option_is_refused_with_its_name_and_with_what_etcd_does_instead(option: str) -> None:
    value, told = ASKED[option]
    with pytest.raises(Unsupported) as refused:
        refuse_options(SubjectOptions(**{option: value}))  # type: ignore[arg-type]
    assert told in str(refused.value)
    assert str(refused.value).count("spec.") == 1


def test_all_that_is_asked_in_vain_is_named_at_once() -> None:
    with pytest.raises(Unsupported) as refused:
        refuse_options(SubjectOptions(**{option: value for option, (value, _) in ASKED.items()}))  # type: ignore[arg-type]
    assert [told for _, told in ASKED.values() if told not in str(refused.value)] == []


def test_the_subject_is_not_even_made() -> None:
    context = SubjectContext(None, "etcd", None, options=SubjectOptions(reset="recreate"))
    with pytest.raises(Unsupported):
        EtcdSubject(context)
    EtcdSubject(SubjectContext(None, "etcd", None))
