"""The second wall, on PostgreSQL: what a caller's transaction sees when no statement limits it, what each role may do.

The tests log in as nobody who owns anything, unless they say otherwise.
"""

import json
import uuid
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import Connection, Executable, delete, func, insert, select, text, update
from sqlalchemy.exc import InternalError, OperationalError, ProgrammingError

from hardware_orders import identifiers, migrations
from hardware_orders.actor import Actor
from hardware_orders.contract.enums import Status
from hardware_orders.database import Database, DatabaseRole, is_away
from hardware_orders.delivery import log, numbering
from hardware_orders.delivery.webhooks import attempts, endpoints
from hardware_orders.delivery.webhooks.attempts import Sent
from hardware_orders.delivery.webhooks.endpoint_secrets import Secrets
from hardware_orders.delivery.webhooks.message import Result
from hardware_orders.errors import NoSuchOrderError, WrongSettingError
from hardware_orders.intake.group_commit import Accepted, Request, store_by_halves
from hardware_orders.intake.idempotency import Key
from hardware_orders.migrations.upgrade import migrate
from hardware_orders.orders import change, events, store
from hardware_orders.orders.commands import Cancel, Receive
from hardware_orders.orders.decide import decide
from hardware_orders.orders.status import Intent
from hardware_orders.tables import (
    batch_items,
    batches,
    event_retention,
    idempotency_keys,
    operations,
    order_events,
    orders,
    relay_position,
    webhook_attempts,
    webhook_endpoints,
)
from tests.backends import Postgres, own_postgres
from tests.database.test_locks import settle

ANN = Actor("00000000-0000-4000-8000-00000000000a", "Ann")
OURS, THEIRS, NOBODYS = (str(uuid.UUID(int=number)) for number in (1, 2, 3))


@dataclass(frozen=True)
class Walled:
    """One order of each of two customers, settled. `api`, `worker` and `relay` are as those processes open them."""

    url: str
    login: str
    api: Database
    worker: Database
    relay: Database
    order_ids: dict[str, str]


@pytest.fixture(scope="module")
def walled(postgres: Postgres) -> Iterator[Walled]:
    with postgres.clone() as url, own_postgres.login(url) as login:
        api, worker, relay = (
            Database(login, role=role, connections=1)
            for role in (DatabaseRole.INTAKE, DatabaseRole.WORKER, DatabaseRole.RELAY)
        )
        order_ids = {customer: received(api, customer) for customer in (OURS, THEIRS)}
        assert settle(worker, list(order_ids.values())).events == 2
        assert len(numbering.number(relay)) == 4
        yield Walled(url, login, api, worker, relay, order_ids)
        for database in (api, worker, relay):
            database.dispose()


def received(database: Database, customer: str) -> str:
    body = {"orderReference": "R-1", "customerEntityUid": customer}
    command = Receive(identifiers.new(), json.dumps(body), body, Intent.SUBMIT, simplified=False, actor=ANN)
    (outcome,) = store_by_halves(database, [Request(command, Key(customer, command.order_id, "h"))])
    assert isinstance(outcome, Accepted)
    return command.order_id


def seen(connection: Connection) -> tuple[set[str], set[str]]:
    """The customers of the orders, and of the events, that are there without any condition."""
    of_events = select(order_events.c.data).order_by(order_events.c.id)
    told = (json.loads(data)["order"]["customerEntityUid"] for data in connection.execute(of_events).scalars())
    return set(connection.execute(select(orders.c.customer_entity_uid)).scalars()), set(told)


def acting_as(connection: Connection) -> tuple[str, str]:
    setting = func.coalesce(func.current_setting("hardware_orders.entities", True), "")
    user, entities = connection.execute(select(func.current_user(), setting)).one()
    return user, entities


@pytest.mark.parametrize(
    ("entities", "visible"),
    [
        ({OURS}, {OURS}),
        ({OURS, THEIRS}, {OURS, THEIRS}),
        (None, {OURS, THEIRS}),
        (set(), set()),
        ({NOBODYS}, set()),
        # What a token may hold in place of a customer opens nothing, and spoils nothing that stands beside it.
        ({"*"}, set()),
        ({f"{NOBODYS},*"}, set()),
        ({f"{NOBODYS},{THEIRS}"}, set()),
        (
            {f"{{{THEIRS}}}", f'"{THEIRS}"', f" {THEIRS}", f"{THEIRS}\n", THEIRS.replace("-", ""), "", "'", '"', "\\"},
            set(),
        ),
        ({"', true), set_config('hardware_orders.entities', '*", OURS}, {OURS}),
    ],
)
def test_a_caller_sees_its_customers_and_no_others_whatever_is_asked(
    walled: Walled, entities: Collection[str] | None, visible: set[str]
) -> None:
    with walled.api.read_for(entities) as connection:
        assert seen(connection) == (visible, visible)
    with walled.api.write_for(entities) as connection:
        assert seen(connection) == (visible, visible)
        assert set(connection.execute(select(orders.c.customer_entity_uid).with_for_update()).scalars()) == visible


def test_whoever_owns_the_tables_is_walled_as_well_on_behalf_of_a_caller(walled: Walled) -> None:
    owner = Database(walled.url)
    with owner.read_for({OURS}) as connection:
        assert seen(connection) == ({OURS}, {OURS})
    with owner.read() as connection:
        assert seen(connection) == ({OURS, THEIRS}, {OURS, THEIRS})
    owner.dispose()


def test_a_foreign_order_cannot_be_changed_or_taken_over(walled: Walled) -> None:
    with walled.api.write_for({OURS}) as connection:
        assert connection.execute(update(orders).values(information="x")).rowcount == 1
        foreign = update(orders).where(orders.c.order_id == walled.order_ids[THEIRS])
        assert connection.execute(foreign.values(information="x")).rowcount == 0
        assert connection.execute(foreign.values(customer_entity_uid=OURS)).rowcount == 0
    with pytest.raises(NoSuchOrderError):
        change.change(walled.api, walled.order_ids[THEIRS], {OURS}, Cancel("OTHER", None, ANN))
    with (
        pytest.raises(ProgrammingError, match="violates row-level security"),
        walled.api.write_for({OURS}) as connection,
    ):
        connection.execute(update(orders).values(customer_entity_uid=THEIRS))
    with walled.api.read_for(None) as connection:
        assert change.get(connection, walled.order_ids[THEIRS], None).information is None


def test_an_event_of_a_foreign_order_cannot_be_written(walled: Walled) -> None:
    with walled.api.read() as connection:
        found = {order.customer_entity_uid: order for order in store.read(connection, walled.order_ids.values())}
        now = walled.api.now(connection)
    own, foreign = (
        events.record(found[customer], decide(found[customer], Cancel("OTHER", None, ANN), now))[1]
        for customer in (OURS, THEIRS)
    )
    with (
        pytest.raises(ProgrammingError, match="violates row-level security"),
        walled.api.write_for({OURS}) as connection,
    ):
        store.insert_events(connection, [own, foreign])


def test_what_is_opened_for_reading_changes_nothing(walled: Walled) -> None:
    with pytest.raises(InternalError, match="read-only transaction"), walled.api.read_for({OURS}) as connection:
        connection.execute(update(orders).values(information="x"))


def test_a_refusal_leaves_the_statements_that_were_prepared_on_the_connection(walled: Walled) -> None:
    prepared = text("SELECT count(*) FROM pg_prepared_statements")
    for _ in range(10):
        with pytest.raises(NoSuchOrderError), walled.api.read_for({OURS}) as connection:
            change.get(connection, NOBODYS, {OURS})
    with walled.api.read() as connection:
        assert connection.execute(prepared).scalar_one() >= 2


def test_a_connection_that_breaks_on_behalf_of_a_caller_is_the_databases_fault(walled: Walled) -> None:
    with pytest.raises(OperationalError) as told, walled.api.read_for({OURS}) as connection:
        connection.exec_driver_sql("SET LOCAL ROLE NONE; SELECT pg_terminate_backend(pg_backend_pid())")
    assert is_away(told.value)
    with walled.api.read_for({OURS}) as connection:
        assert seen(connection)[0] == {OURS}


def test_a_change_on_behalf_of_a_caller_is_made_and_told(walled: Walled) -> None:
    order_id = received(walled.api, OURS)
    settle(walled.worker, [order_id])
    after = change.change(walled.api, order_id, {OURS}, Cancel("OTHER", None, ANN))
    assert after.status is Status.CANCELLED
    with walled.api.read_for({OURS}) as connection:
        assert change.get(connection, order_id, {OURS}) == after
        assert [row.sequence for row in log.of_order(connection, order_id, 0, 10)] == [1, 2, 3]


def test_a_connection_carries_nothing_from_one_caller_to_the_next(walled: Walled) -> None:
    """The pool holds one connection, so each of these follows the one before on it."""
    as_itself = (DatabaseRole.INTAKE, "")
    with walled.api.read_for(None) as connection:
        assert acting_as(connection) == (DatabaseRole.CALLER, "*")
    with walled.api.read() as connection:
        assert acting_as(connection) == as_itself
    with pytest.raises(KeyError), walled.api.write_for({OURS, THEIRS}):
        raise KeyError
    with walled.api.read() as connection:
        assert acting_as(connection) == as_itself
    with walled.api.write() as connection:
        assert acting_as(connection) == as_itself
        # A caller's transaction that names nobody, on a connection that has served others, and on one that has not.
        connection.execute(select(func.set_config("role", DatabaseRole.CALLER.value, True)))
        assert seen(connection) == (set(), set())
    fresh = Database(walled.login, role=DatabaseRole.CALLER)
    with fresh.read() as connection:
        assert seen(connection) == (set(), set())
    fresh.dispose()


CALLER, INTAKE, WORKER, RELAY, ERASER = DatabaseRole


@pytest.mark.parametrize(
    ("statement", "roles_refused"),
    [
        *((delete(table), DatabaseRole) for table in (orders, relay_position, operations)),
        *((delete(table), (CALLER, INTAKE, WORKER, ERASER)) for table in (order_events, batches, batch_items)),
        *((update(order_events).values({name: "x"}), (CALLER, INTAKE, WORKER, RELAY)) for name in ("data", "salt")),
        (select(idempotency_keys.c.key), (ERASER,)),
        (update(event_retention).values(deleted_to=9), (CALLER, INTAKE, WORKER, ERASER)),
        (update(operations).values(actor="x"), DatabaseRole),
        (insert(operations).values(actor="x"), (CALLER, WORKER)),
        (delete(idempotency_keys), (CALLER, INTAKE, WORKER)),
        *((update(order_events).values({name: "x"}), DatabaseRole) for name in ("type", "actor", "digest", "hash")),
        (update(order_events).values(position=None), (CALLER, INTAKE, WORKER)),
        (update(relay_position).values(last=0), (CALLER, INTAKE, WORKER)),
        (update(orders).values(information="x"), (INTAKE, RELAY)),
        (select(orders.c.sent), (RELAY,)),
        (insert(orders).from_select(["order_id"], select(orders.c.order_id)), (CALLER, WORKER, RELAY)),
        (insert(order_events).from_select(["order_id"], select(orders.c.order_id)), (RELAY,)),
        (select(order_events.c.data), (INTAKE, WORKER)),
        (select(webhook_endpoints.c.secret), (CALLER, WORKER)),
        (update(webhook_endpoints).values(url="x"), (CALLER, WORKER, RELAY)),
        (delete(webhook_endpoints), (CALLER, WORKER, RELAY)),
        (delete(webhook_attempts), (CALLER, INTAKE, WORKER, ERASER)),
        (update(webhook_attempts).values(answer="x"), (CALLER, INTAKE, WORKER, RELAY)),
        (select(idempotency_keys.c.key), (CALLER, WORKER)),
        (update(idempotency_keys).values(order_id=NOBODYS), (CALLER, WORKER, RELAY)),
        (update(idempotency_keys).values(key="x"), DatabaseRole),
        (text("CREATE TABLE mine (id int)"), DatabaseRole),
        (text("ALTER TABLE orders DISABLE ROW LEVEL SECURITY"), DatabaseRole),
    ],
    ids=str,
)
def test_a_role_may_do_only_what_it_is_for(
    walled: Walled, statement: Executable, roles_refused: Iterable[DatabaseRole]
) -> None:
    for role in roles_refused:
        with pytest.raises(ProgrammingError, match=r"permission denied|must be owner"):
            execute_as(walled.api, role, statement)


def execute_as(database: Database, role: DatabaseRole, statement: Executable) -> None:
    with database.write() as connection:
        connection.execute(select(func.set_config("role", role.value, True)))
        connection.execute(statement)


def test_a_caller_sees_endpoints_whose_customers_are_all_its_own_and_their_attempts(walled: Walled) -> None:
    made = {}
    for customers in ({OURS}, {OURS, THEIRS}, None):
        wanted = endpoints.columns(customers, url="https://shop.example.com/")
        made[endpoints.create(walled.api, Secrets([Fernet.generate_key()]), ANN, wanted)[0]] = customers
    with walled.api.write() as connection:
        for endpoint_id in made:
            sent, now = Sent(identifiers.new(), "test", None), walled.api.now(connection)
            attempts.record(connection, endpoint_id, attempts.Kind.TEST, now, [(sent, Result(1, 200))])
    for entities, count in (({OURS}, 1), ({OURS, THEIRS}, 2), (None, 3), ({NOBODYS}, 0), ({"*"}, 0), (set(), 0)):
        with walled.api.read_for(entities) as connection:
            seen_ids = set(connection.execute(select(webhook_endpoints.c.endpoint_id)).scalars())
            assert len(seen_ids) == count, entities
            assert set(connection.execute(select(webhook_attempts.c.endpoint_id)).scalars()) == seen_ids
            assert {endpoint.endpoint_id for endpoint in endpoints.visible(connection, entities)} == seen_ids


def test_a_login_without_a_role_may_do_nothing(walled: Walled) -> None:
    login = Database(walled.login)
    for table in (orders, order_events, relay_position, idempotency_keys):
        with pytest.raises(ProgrammingError, match="permission denied"), login.read() as connection:
            connection.execute(select(table))
    migrations.require_current(login)
    login.dispose()


def test_a_login_that_does_not_own_the_tables_is_told_who_has_to_migrate(walled: Walled) -> None:
    services = Database(walled.login)
    assert migrate(services) == migrations.head()
    owner = Database(walled.url)
    with owner.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '0001'"))
    with pytest.raises(WrongSettingError, match="run `hardware-orders migrate` with the URL of the tables' owner"):
        migrate(services)
    with owner.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = :head"), {"head": migrations.head()})
    for database in (services, owner):
        database.dispose()
