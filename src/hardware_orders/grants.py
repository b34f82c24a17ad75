"""What a token or an API key is granted, as it is written on the command line: items separated by commas."""

import typer

from hardware_orders import identifiers
from hardware_orders.roles import Role

ROLE_HELP = f"Roles separated by commas: {', '.join(Role)}."


def roles(text: str) -> list[str]:
    """The roles. Raises typer.BadParameter when there is none, or one that does not exist."""
    items = _items(text)
    unknown = sorted(set(items) - set(Role))
    if unknown or not items:
        problem = f"unknown role {', '.join(unknown)}" if unknown else "name a role"
        raise typer.BadParameter(f"{problem}; there are {', '.join(Role)}", param_hint="--role")
    return items


def entities(text: str) -> list[str]:
    """The customers, or `*` alone for all. Raises typer.BadParameter for what no order's customerEntityUid can be."""
    items = _items(text)
    if items != ["*"] and not (items and all(map(identifiers.is_uuid, items))):
        raise typer.BadParameter(
            "name customerEntityUids in canonical form (lower case with hyphens), or '*' alone for all of them",
            param_hint="--entity",
        )
    return items


def _items(text: str) -> list[str]:
    return list(dict.fromkeys(item.strip() for item in text.split(",") if item.strip()))
