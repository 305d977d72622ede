"""The base of every part of the resource."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, PlainSerializer
from pydantic.alias_generators import to_camel

from controller.text import utc_seconds

GROUP = "evalcampaign.dev"
VERSION = "v1alpha1"
PLURAL = "evalcampaigns"
KIND = "EvalCampaign"


Time = Annotated[datetime, PlainSerializer(utc_seconds, when_used="json")]
"""A metav1.Time: UTC, whole seconds. The records keep the microseconds."""


class Model(BaseModel):
    """Base of everything here: camelCase outside, frozen inside."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, frozen=True, extra="ignore")
