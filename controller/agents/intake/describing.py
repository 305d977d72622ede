"""What the API takes, for openapi.json. FastAPI would know by itself, if it read the bodies, which it does not."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

REFERENCE = "#/components/schemas/{model}"


def takes(model: type[BaseModel]) -> dict[str, Any]:
    """For the `openapi_extra` of a route whose body is such a model."""
    schema = {"$ref": REFERENCE.format(model=model.__name__)}
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


def describe(app: FastAPI, *models: type[BaseModel]) -> None:
    """Put the models beside what the routes say of themselves."""
    _, schemas = models_json_schema([(model, "validation") for model in models], ref_template=REFERENCE)
    said = app.openapi()
    said.setdefault("components", {}).setdefault("schemas", {}).update(schemas["$defs"])
