"""The pages of the reference: what they show, where their links lead, and how they are served."""

import re

import pytest
from starlette.testclient import TestClient

from tests.api.application import unstarted

LINK = re.compile(r"\]\((/[^)]*)\)")


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> TestClient:
    return TestClient(unstarted(tmp_path_factory.mktemp("api")))


@pytest.fixture(scope="module")
def texts(client: TestClient) -> dict[str, str]:
    """Every Markdown page that is linked from /llms.txt, however far."""
    found: dict[str, str] = {}
    wanted = ["/llms.txt"]
    while wanted:
        path = wanted.pop()
        if path not in found:
            found[path] = client.get(path).text
            if path.endswith((".md", "llms.txt")):
                wanted += LINK.findall(found[path])
    return found


def test_the_index_begins_as_language_models_expect_it(texts: dict[str, str]) -> None:
    lines = texts["/llms.txt"].splitlines()
    assert lines[0] == "# Hardware Orders"
    assert lines[2].startswith("> ")
    sections = [line for line in lines if line.startswith("#")]
    assert sections == ["# Hardware Orders", "## Operations", "## Reference", "## Optional"]
    items = lines[lines.index("## Operations") + 2 : lines.index("## Reference") - 1]
    assert all(
        re.fullmatch(r"- \[.+\]\(/docs/reference/\w+\.md\): [A-Z]+ /(orders|events|webhooks)\S* .+", item)
        for item in items
    )


def test_every_operation_and_every_object_has_a_page_that_links_lead_to(
    client: TestClient, texts: dict[str, str]
) -> None:
    document = client.get("/openapi.json").json()
    operations = [operation for methods in document["paths"].values() for operation in methods.values()]
    assert {path for path in texts if path.startswith("/docs/reference/")} == {
        f"/docs/reference/{operation['operationId']}.md" for operation in operations
    }
    assert {path for path in texts if path.startswith("/docs/objects/")} == {
        f"/docs/objects/{name}.md" for name in document["components"]["schemas"]
    }
    assert all(client.get(path).status_code == 200 for path in texts)


def test_a_page_shows_parameters_bodies_answers_and_errors(texts: dict[str, str]) -> None:
    page = texts["/docs/reference/addHardwareOrder.md"]
    assert page.startswith("# Add hardware order\n\n`POST /orders/hardware`\n")
    assert "Needs the role `orders:write`." in page
    assert "| `saveDraft` | header | boolean, default `false` |" in page
    assert '"orderReference": "MIR-0042"' in page
    assert "| `Location` (always) |" in page
    assert "| 422 | The Idempotency-Key belongs to a different request. |" in page
    errors = texts["/docs/errors.md"]
    assert "## 503: " in errors
    assert "| `Retry-After` (always) |" in errors
    assert "| `orderReference` (required) | string, 1 to 255 characters |" in texts["/docs/objects/HardwareOrder.md"]


def test_no_line_of_a_table_is_broken(texts: dict[str, str]) -> None:
    for path, text in texts.items():
        for table in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):
            columns = {len(re.findall(r"(?<!\\)\|", line)) for line in table.splitlines()}
            assert len(columns) == 1, f"{path}\n{table}"


@pytest.mark.parametrize(
    ("path", "media_type"),
    [
        ("/openapi.json", "application/json"),
        ("/llms.txt", "text/plain; charset=utf-8"),
        ("/llms-full.txt", "text/plain; charset=utf-8"),
        ("/docs.md", "text/markdown; charset=utf-8"),
        ("/docs", "text/html; charset=utf-8"),
        ("/docs/objects/Order", "text/html; charset=utf-8"),
    ],
)
def test_a_page_needs_no_token_and_is_kept_by_whoever_asked(client: TestClient, path: str, media_type: str) -> None:
    answer = client.get(path)
    assert (answer.status_code, answer.headers["content-type"]) == (200, media_type)
    assert answer.headers["cache-control"].startswith("public, max-age=")
    again = client.get(path, headers={"If-None-Match": f'"other", W/{answer.headers["etag"]}'})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", answer.headers["etag"])
    assert client.get(path, headers={"If-None-Match": '"other"'}).status_code == 200
    assert client.post(path).status_code == 405


def test_a_page_for_browsers_runs_and_loads_nothing_and_stays_among_its_like(client: TestClient) -> None:
    for path in ("/docs", "/docs/errors", "/docs/reference/addHardwareOrder", "/docs/objects/Order"):
        answer = client.get(path)
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert not re.search(r"<script|<link|<img|src=|https?://", answer.text)
        links = re.findall(r'href="([^"]*)"', answer.text)
        assert ("/docs" in links) == (path != "/docs")
        assert all(client.get(link).status_code == 200 for link in links)
        assert not [link for link in links if link.endswith(".md")]
        assert "<table>" in answer.text
    assert client.get("/redoc").status_code == 404
