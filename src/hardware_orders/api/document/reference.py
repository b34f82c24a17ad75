"""References to the document's components; a test holds that each leads somewhere."""


def schema(name: str) -> dict[str, str]:
    return _to("schemas", name)


def parameter(name: str) -> dict[str, str]:
    return _to("parameters", name)


def header(name: str) -> dict[str, str]:
    return _to("headers", name)


def response(name: str) -> dict[str, str]:
    return _to("responses", name)


def example(name: str) -> dict[str, str]:
    return _to("examples", name)


def link(name: str) -> dict[str, str]:
    return _to("links", name)


def _to(kind: str, name: str) -> dict[str, str]:
    return {"$ref": f"#/components/{kind}/{name}"}
