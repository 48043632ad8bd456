"""Writes Pydantic models of JSON Schemas and OpenAPI documents. Needs the extra ``codegen``."""

from .models import models_of

__all__ = ["models_of"]
