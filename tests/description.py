"""Whether an answer is one that the document describes: its status, every header, every member of its body."""

import re
from functools import cache
from typing import Any

import httpx2
from jsonschema import Draft202012Validator, FormatChecker

# What any HTTP message may have.
OF_HTTP = {"connection", "content-length", "content-type", "date", "transfer-encoding"}
# What every answer has: the document says so once for all of them.
OF_ALL = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "strict-transport-security": "max-age=31536000",
}
# What may be kept for a while, since it is about no order.
KEPT = {"listTransitions 200": "private, max-age=3600"}


class Description:
    """An OpenAPI document, asked about answers."""

    def __init__(self, document: dict[str, Any]) -> None:
        self._document = _closed(document)
        self._paths = [
            (re.compile(re.sub(r"\{\w+\}", "[^/]+", path)), methods)
            for path, methods in sorted(document["paths"].items(), key=lambda item: "{" in item[0])
        ]
        self._validator = cache(self._made)

    def check(self, response: httpx2.Response) -> None:
        """Fails when the document does not have such an answer. What it says nothing of, such as `/healthz`, passes."""
        request = response.request
        methods = next((methods for path, methods in self._paths if path.fullmatch(request.url.path)), None)
        if methods is None:
            return
        is_head = request.method == "HEAD"
        operation = methods.get("get" if is_head else request.method.lower())
        if operation is None:
            assert response.status_code == 405
            return
        name, status = operation["operationId"], str(response.status_code)
        assert status in operation["responses"], f"{name} does not describe {status}"
        described = self.resolved(operation["responses"][status])
        self._check_headers(f"{name} {status}", described, response)
        if is_head:
            assert not response.read()
        else:
            self._check_body(f"{name} {status}", described, response)

    def faults(self, schema: dict[str, Any], value: Any) -> list[str]:
        """What is wrong with the value; empty when it is as the schema has it."""
        reference = schema.get("$ref")
        validator = self._validator(reference) if reference else self._of(schema)
        return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(value)]

    def resolved(self, part: dict[str, Any]) -> dict[str, Any]:
        found: Any = part
        while "$ref" in found:
            reference, found = found["$ref"], self._document
            for step in reference.removeprefix("#/").split("/"):
                found = found[step]
        whole: dict[str, Any] = found
        return whole

    def _check_headers(self, where: str, described: dict[str, Any], response: httpx2.Response) -> None:
        headers = {name.lower(): self.resolved(header) for name, header in described.get("headers", {}).items()}
        for name, header in headers.items():
            assert name in response.headers or not header.get("required"), f"{where} lacks {name}"
        of_all = {**OF_ALL, "cache-control": KEPT.get(where, "no-store")}
        for name, value in of_all.items():
            assert response.headers.get_list(name) == [value], f"{where} {name}"
        for name, value in response.headers.items():
            if name not in OF_HTTP and name not in of_all:
                assert name in headers, f"{where} does not describe {name}"
                schema = headers[name]["schema"]
                faults = self.faults(schema, int(value) if schema["type"] == "integer" else value)
                assert not faults, f"{where} {name}: {faults}"

    def _check_body(self, where: str, described: dict[str, Any], response: httpx2.Response) -> None:
        media_type = response.headers.get("content-type", "").partition(";")[0]
        contents = described.get("content", {})
        if not contents:
            assert not response.read(), f"{where} describes no body"
            return
        assert media_type in contents, f"{where} does not describe {media_type}"
        if media_type.endswith(("/json", "+json")):
            response.read()
            faults = self.faults(contents[media_type]["schema"], response.json())
            assert not faults, f"{where}: {faults[:5]}"

    def _made(self, reference: str) -> Draft202012Validator:
        return self._of({"$ref": reference})

    def _of(self, schema: dict[str, Any]) -> Draft202012Validator:
        whole = {**schema, "components": self._document["components"]}
        return Draft202012Validator(whole, format_checker=FormatChecker())


def _closed(value: Any) -> Any:
    """The document with every object closed, so that an answer's member that is not described is a fault."""
    if isinstance(value, list):
        return [_closed(item) for item in value]
    if not isinstance(value, dict):
        return value
    found = {name: _closed(member) for name, member in value.items()}
    is_object = found.get("type") == "object" and "properties" in found
    return {"additionalProperties": False, **found} if is_object else found
