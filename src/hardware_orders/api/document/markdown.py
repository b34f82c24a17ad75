"""The reference in Markdown, made of the OpenAPI document: one page for each operation and each object."""

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from hardware_orders.api.document import notation
from hardware_orders.api.document.notation import Json, Resolver

INDEX, ERRORS = "/docs", "/docs/errors"
OPERATIONS, OBJECTS = "/docs/reference", "/docs/objects"
MARKDOWN = ".md"
LLMS, LLMS_FULL = "/llms.txt", "/llms-full.txt"


def pages(document: Json) -> dict[str, str]:
    """The text of every page by its path, without the ending."""
    resolved = Resolver(document)
    found = {INDEX: _index(document), ERRORS: _errors(document, resolved)}
    for path, method, operation in operations(document):
        found[f"{OPERATIONS}/{operation['operationId']}"] = _operation(path, method, operation, resolved)
    for name, schema in document["components"]["schemas"].items():
        found[f"{OBJECTS}/{name}"] = _object(name, schema, resolved)
    return found


def llms(document: Json) -> str:
    """The index for language models, in the form of llmstxt.org."""
    info = document["info"]
    lines = [
        *(f"# {info['title']}", "", f"> {info['summary']}", "", info["description"]),
        *("## Operations", ""),
        *(
            f"- [{operation['summary']}]({OPERATIONS}/{operation['operationId']}{MARKDOWN}): "
            f"{method} {path}. {operation['description']}"
            for path, method, operation in operations(document)
        ),
        *("", "## Reference", ""),
        f"- [Signing in, and all objects]({INDEX}{MARKDOWN}): where to begin",
        f"- [Errors]({ERRORS}{MARKDOWN}): each kind, with an example",
        "- [OpenAPI 3.1 document](/openapi.json): the same for programs",
        *("", "## Optional", ""),
        f"- [Everything]({LLMS_FULL}): all pages in one text",
    ]
    return _text(lines)


def operations(document: Json) -> Iterator[tuple[str, str, Json]]:
    """(path, method, operation) of each, in the order of the document."""
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield path, method.upper(), operation


def _index(document: Json) -> str:
    info, components = document["info"], document["components"]
    lines = [f"# {info['title']} {info['version']}", "", info["summary"], "", info["description"]]
    lines += [
        "## Signing in",
        "",
        "`Authorization: Bearer …`. " + components["securitySchemes"]["bearer"]["description"],
    ]
    for tag in document["tags"]:
        rows = [
            [
                f"`{method} {path}`",
                _link(operation["summary"], OPERATIONS, operation["operationId"]),
                operation["description"],
            ]
            for path, method, operation in operations(document)
            if operation["tags"] == [tag["name"]]
        ]
        if rows:
            lines += ["", f"## {tag['name']}", "", tag["description"], ""]
            lines += notation.table(["", "operation", "what it does"], rows)
    lines += ["", "## Objects", "", ", ".join(_link(name, OBJECTS, name) for name in components["schemas"]) + "."]
    lines += ["", "## More", "", f"- [Errors]({ERRORS}{MARKDOWN})", "- [OpenAPI 3.1 document](/openapi.json)"]
    lines += [f"- [All pages in one text]({LLMS_FULL}), [their index]({LLMS})"]
    return _text(lines)


def _errors(document: Json, resolved: Resolver) -> str:
    lines = [
        "# Errors",
        "",
        f"Every error is a {_link('Problem', OBJECTS, 'Problem')}. Besides those of the operations there",
    ]
    lines += ["are 404 for a path that is not served, and 405 for another method; `Allow` names those that are."]
    statuses = {
        response["$ref"].rsplit("/", 1)[1]: status
        for _, _, operation in operations(document)
        for status, response in operation["responses"].items()
        if "$ref" in response
    }
    for name, status in sorted(statuses.items(), key=lambda item: item[1]):
        response = document["components"]["responses"][name]
        lines += ["", f"## {status}: {response['description'].rstrip('.')}", ""]
        lines += _headers(response, resolved)
        lines += _examples(next(iter(response["content"].values())), resolved)
    return _text(lines)


def _operation(path: str, method: str, operation: Json, resolved: Resolver) -> str:
    roles = [f"`{role}`" for requirement in operation["security"] for role in requirement["bearer"]]
    needed = f"Needs the role {' or '.join(roles)}."
    lines = [f"# {operation['summary']}", "", f"`{method} {path}`", "", operation["description"], "", needed]
    lines += ["", "```sh", _curl(path, method, operation), "```"]
    parameters = [resolved(parameter) for parameter in operation.get("parameters", [])]
    if parameters:
        lines += ["", "## Parameters", ""]
        lines += notation.table(["name", "in", "type", "meaning"], [_parameter_row(p) for p in parameters])
    if "requestBody" in operation:
        lines += ["", "## Body", "", *_content(operation["requestBody"], resolved)]
    lines += ["", "## Answers"]
    problems = []
    for status, response in operation["responses"].items():
        found = resolved(response)
        if status < "400":
            lines += ["", f"### {status}", "", found["description"], "", *_headers(found, resolved)]
            lines += _content(found, resolved)
        else:
            problems.append([status, found["description"]])
    lines += ["", "### Errors", "", f"Each is a {_link('Problem', OBJECTS, 'Problem')}.", ""]
    lines += notation.table(["status", "when"], problems)
    return _text([*lines, "", f"[All errors, with examples]({ERRORS}{MARKDOWN})"])


def _object(name: str, schema: Json, resolved: Resolver) -> str:
    lines = [f"# {name}", "", schema["description"]]
    if "properties" in schema:
        required = schema.get("required", ())
        rows = [
            [
                f"`{member}`" + (" (required)" if member in required else ""),
                notation.kind(part),
                notation.meaning(resolved(part)),
            ]
            for member, part in schema["properties"].items()
        ]
        lines += ["", *notation.table(["member", "type", "meaning"], rows)]
    else:
        values = notation.kind(schema)
        lines += ["", f"{values[0].upper()}{values[1:]}."]
    return _text(lines)


def _curl(path: str, method: str, operation: Json) -> str:
    verb = "" if method == "GET" else f"-X {method} "
    url = re.sub(r"\{(\w+)\}", r"$\1", path)
    parts = [f'curl {verb}"$URL{url}"', '-H "Authorization: Bearer $TOKEN"']
    if "requestBody" in operation:
        (media_type,) = operation["requestBody"]["content"]
        # `-d` would take the line feeds out.
        sent = "-d @body.json" if media_type.endswith("/json") else "--data-binary @body.ndjson"
        parts += [f"-H 'Content-Type: {media_type}'", sent]
    return " \\\n  ".join(parts)


def _parameter_row(parameter: Json) -> list[str]:
    place = parameter["in"] + (", required" if parameter.get("required") else "")
    shown = f" Example: `{parameter['example']}`." if "example" in parameter else ""
    return [f"`{parameter['name']}`", place, notation.kind(parameter["schema"]), parameter["description"] + shown]


def _headers(response: Json, resolved: Resolver) -> list[str]:
    headers = {name: resolved(header) for name, header in response.get("headers", {}).items()}
    rows = [
        [f"`{name}`" + (" (always)" if header.get("required") else ""), header["description"]]
        for name, header in headers.items()
    ]
    return [*notation.table(["header", "meaning"], rows), ""] if rows else []


def _content(part: Json, resolved: Resolver) -> list[str]:
    lines: list[str] = []
    for media_type, content in part.get("content", {}).items():
        told = content["schema"].get("description")
        lines += [f"`{media_type}`: {notation.kind(content['schema'])}.{f' {told}' if told else ''}", ""]
        lines += _examples(content, resolved)
    return lines[:-1]


def _examples(content: Json, resolved: Resolver) -> list[str]:
    lines: list[str] = []
    for example in map(resolved, content.get("examples", {}).values()):
        lines += [f"{example['summary']}:", "", "```json"]
        lines += [json.dumps(example["value"], indent=2, ensure_ascii=False), "```", ""]
    return lines


def _link(text: str, folder: str, name: str) -> str:
    return f"[{text}]({folder}/{name}{MARKDOWN})"


def _text(lines: Iterable[Any]) -> str:
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).rstrip() + "\n"
