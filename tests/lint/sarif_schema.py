"""What SARIF 2.1.0 says about the parts that the linter writes, as a JSON schema of our own.

Objects are closed: a property that the standard doesn't have at its place is an error, as it is in the official schema.
"""

from __future__ import annotations

from typing import Any


def _object(required: str, **properties: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "required": required.split(),
        "properties": properties,
        "additionalProperties": False,
    }


def _list(item: Any, **more: Any) -> dict[str, Any]:
    return {"type": "array", "items": item, **more}


TEXT = {"type": "string", "minLength": 1}
URI = {"type": "string", "pattern": r"^[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=%-]*$"}
POSITIVE = {"type": "integer", "minimum": 1}
INDEX = {"type": "integer", "minimum": 0}
LEVEL = {"enum": ["none", "note", "warning", "error"]}
MESSAGE = _object("text", text={"type": "string"})
MULTIFORMAT = _object("text", text={"type": "string"}, markdown={"type": "string"})
ARTIFACT = _object("uri", uri=URI, uriBaseId=TEXT)
REGION = _object("startLine", startLine=POSITIVE, startColumn=POSITIVE, endLine=POSITIVE, endColumn=POSITIVE)
PHYSICAL = _object("artifactLocation", artifactLocation=ARTIFACT, region=REGION)
LOGICAL = _object("name", name=TEXT, kind=TEXT)
LOCATION = _object(
    "physicalLocation", id=INDEX, physicalLocation=PHYSICAL, logicalLocations=_list(LOGICAL), message=MESSAGE
)
RULE = _object(
    "id",
    id=TEXT,
    name=TEXT,
    shortDescription=MULTIFORMAT,
    fullDescription=MULTIFORMAT,
    help=MULTIFORMAT,
    defaultConfiguration=_object("", level=LEVEL),
    properties=_object("", tags=_list(TEXT, uniqueItems=True)),
)
RESULT = _object(
    "message ruleId",
    ruleId=TEXT,
    ruleIndex=INDEX,
    level=LEVEL,
    message=MESSAGE,
    locations=_list(LOCATION),
    relatedLocations=_list(LOCATION, uniqueItems=True),
    partialFingerprints={"type": "object", "additionalProperties": {"type": "string"}},
)
NOTIFICATION = _object("message", level=LEVEL, message=MESSAGE)
INVOCATION = _object(
    "executionSuccessful", executionSuccessful={"type": "boolean"}, toolExecutionNotifications=_list(NOTIFICATION)
)
SEMANTIC_VERSION = {"type": "string", "pattern": r"^\d+\.\d+\.\d+"}
DRIVER = _object("name", name=TEXT, semanticVersion=SEMANTIC_VERSION, rules=_list(RULE, uniqueItems=True))
RUN = _object(
    "tool",
    tool=_object("driver", driver=DRIVER),
    columnKind={"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
    originalUriBaseIds={"type": "object", "additionalProperties": ARTIFACT},
    invocations=_list(INVOCATION),
    results=_list(RESULT),
)
SARIF = _object("version runs", **{"$schema": URI}, version={"const": "2.1.0"}, runs=_list(RUN))
