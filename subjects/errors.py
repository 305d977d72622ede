"""What goes wrong with a subject. Every text is a sentence for the person who reads the record."""

from __future__ import annotations


class SubjectError(Exception):
    """A subject could not do what it was asked."""


class SubjectNotReady(SubjectError):
    """The subject is not there yet, or has not opted in. That may change, so the campaign waits."""


class Unsupported(SubjectError):
    """The campaign asks for something that this subject does not offer: waiting does not help."""


class ChaosRefused(SubjectError):
    """The fault was definitely not applied: the target is gone or changed, or the API server refused."""
