"""Registers a trained model without an orchestrator, once."""

from __future__ import annotations

from typing import Any

from .fields import Fields
from .progress import Progress
from .tracking import connect, tracking_errors

_FIELDS = ("trackingUri", "name", "runId", "source", "modelId", "tags")
_ONCE_TAG = "mediwatch.run_id"


def register(input: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """Register the model of a run as a new version, unless the run already has one under this name.

    Args:
        input: ``trackingUri``, ``name`` (of the registered model), ``runId``, ``source`` and ``modelId`` as `train`
            returns them, and ``tags`` of the version.
        progress: Told the stage.

    Returns:
        ``{name, version, created}``; `created` is false for a version that was there already.

    Raises:
        TrackingFailed: The server does not answer.
    """
    fields = Fields("register", input, _FIELDS)
    uri, name, run_id = fields.text("trackingUri"), fields.text("name"), fields.text("runId")
    source, model_id = fields.text("source"), fields.text("modelId", None)
    tags = {key: str(value) for key, value in (fields.mapping("tags", None) or {}).items()}
    client = connect(uri)
    progress({"stage": "registering", "name": name})
    with tracking_errors(uri):
        if not client.search_registered_models(f"name = '{name}'"):
            client.create_registered_model(name)
        # The oldest first: a version copied in the registry carries the tag too.
        versions = client.search_model_versions(f"name = '{name}'")
        for version in sorted(versions, key=lambda found: int(found.version)):
            if version.tags.get(_ONCE_TAG) == run_id:
                return {"name": name, "version": str(version.version), "created": False}
        version = client.create_model_version(name, source, run_id, tags={**tags, _ONCE_TAG: run_id}, model_id=model_id)
        return {"name": name, "version": str(version.version), "created": True}
