"""The making of database roles. A server's databases share them, so another one may have made them, or be about to."""

from collections.abc import Sequence

from sqlalchemy import Connection, text

from hardware_orders.errors import WrongSettingError

# A lock would not do: advisory locks are a database's own. Who comes second waits at the name's unique index.
_MAKE = """
DO $$ BEGIN
    IF to_regrole('{role}') IS NULL THEN
        CREATE ROLE {role} NOLOGIN;
    END IF;
EXCEPTION WHEN duplicate_object OR unique_violation OR insufficient_privilege THEN NULL;
END $$"""
# From PostgreSQL 16 on whoever makes a role may hand it on, but not take it on.
_GRANT = """
DO $$ BEGIN
    IF NOT pg_has_role('{role}', '{usable}') THEN
        GRANT {role} TO CURRENT_USER {options};
    END IF;
EXCEPTION WHEN unique_violation OR insufficient_privilege THEN NULL;
END $$"""
_MISSING = text("SELECT role FROM unnest(CAST(:roles AS text[])) AS role WHERE to_regrole(role) IS NULL")
_LOGIN = text("SELECT quote_ident(session_user)")
_SET_OPTION_SINCE = (16,)


def ensure(connection: Connection, roles: Sequence[str]) -> None:
    """Make those of these roles that are missing, and let the login take them on if it may arrange that itself.

    The names are plain identifiers. Raises WrongSettingError, with the statements for an administrator, when one is
    missing and this login may not make it. That it may not take one on is no error: another login may be the services'.
    """
    has_set_option = (connection.dialect.server_version_info or ()) >= _SET_OPTION_SINCE
    usable, options = ("SET", "WITH SET TRUE") if has_set_option else ("MEMBER", "")
    for role in roles:
        connection.execute(text(_MAKE.format(role=role)))
    missing = connection.execute(_MISSING, {"roles": list(roles)}).scalars().all()
    if missing:
        made = " ".join(f"CREATE ROLE {role} NOLOGIN;" for role in missing)
        login = connection.execute(_LOGIN).scalar_one()
        raise WrongSettingError(
            f"The database login {login} may not make roles. Let an administrator run `{made} "
            f"GRANT {', '.join(missing)} TO {login};`, then migrate again (docs/postgresql.md)."
        )
    for role in roles:
        connection.execute(text(_GRANT.format(role=role, usable=usable, options=options)))
