"""From the setting PORTFOLIO_URL to the lookup that it names."""

from collections.abc import Collection, Mapping
from pathlib import Path
from urllib.parse import unquote

from hardware_orders.errors import WrongSettingError
from hardware_orders.portfolio.file_source import FileSource
from hardware_orders.portfolio.lookup import Lookup, NotConfigured, Outcome
from hardware_orders.settings import PREFIX

SETTING = f"{PREFIX}PORTFOLIO_URL"


def lookup_from(url: str | None) -> Lookup:
    """The lookup for `file:/path` or `file:relative`; without a URL one that knows of no source.

    Raises WrongSettingError for anything else. A file that is missing is no error here: it may come later.
    """
    if not url:
        return _not_configured
    scheme, _, path = url.partition(":")
    if scheme in {"http", "https"}:
        raise WrongSettingError(
            f"{SETTING} names a Portfolio Service over HTTP, which this version cannot ask yet (a later one will). "
            f"Until then keep the portfolios in a YAML or JSON file and set it to file:/path/of/the/file."
        )
    path = unquote(path.removeprefix("//") if path.startswith("///") else path)
    if scheme != "file" or not path or path.startswith("//"):
        raise WrongSettingError(f"{SETTING} must be file:/path or file:relative/path of a YAML or JSON file.")
    return FileSource(Path(path))


def _not_configured(customer_entity_uids: Collection[str]) -> Mapping[str, Outcome]:
    return dict.fromkeys(customer_entity_uids, NotConfigured())
