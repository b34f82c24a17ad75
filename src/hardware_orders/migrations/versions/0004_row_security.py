"""Database roles that may do only what they are for, and row-level security for those who call (docs/adr/0012)."""

from alembic import op

from hardware_orders.migrations import roles

revision = "0004"
down_revision = "0003"

CALLER = "hardware_orders_caller"
INTAKE = "hardware_orders_intake"
WORKER = "hardware_orders_worker"
RELAY = "hardware_orders_relay"
ALL = f"{CALLER}, {INTAKE}, {WORKER}, {RELAY}"
TABLES = "orders, order_events, relay_position, idempotency_keys"

# Nobody may delete, and of an event nobody may change anything but its position, once.
GRANTS = (
    f"SELECT, UPDATE ON orders TO {CALLER}, {WORKER}",
    f"SELECT, INSERT ON orders TO {INTAKE}",
    f"SELECT (order_id, attempts, due_at) ON orders TO {RELAY}",
    f"INSERT ON order_events TO {CALLER}, {INTAKE}, {WORKER}",
    f"USAGE ON SEQUENCE order_events_id_seq TO {CALLER}, {INTAKE}, {WORKER}",
    f"SELECT ON order_events TO {CALLER}, {RELAY}",
    f"UPDATE (position) ON order_events TO {RELAY}",
    f"SELECT, UPDATE (last) ON relay_position TO {RELAY}",
    f"SELECT ON relay_position TO {INTAKE}",
    f"SELECT, INSERT ON idempotency_keys TO {INTAKE}",
    # Before a process takes on its role it looks whether the schema is its own.
    "SELECT ON alembic_version TO PUBLIC",
)

# The sub-selects are evaluated once for each statement. The setting is null before its first use in a session, and
# empty afterwards: neither is a customer. Nor is `*` a UUID, and SQL does not promise which side of OR comes first.
ENTITIES = "current_setting('hardware_orders.entities', true)"
CUSTOMERS = f"(SELECT string_to_array(NULLIF({ENTITIES}, '*'), ',')::uuid[])"
ORDER_IS_VISIBLE = f"(SELECT {ENTITIES}) = '*' OR customer_entity_uid = ANY ({CUSTOMERS}::uuid[])"
# The orders in it are those that the caller sees. Not EXISTS: the planner could read all orders into a table first.
EVENT_IS_VISIBLE = "(SELECT true FROM orders WHERE orders.order_id = order_events.order_id)"


def upgrade() -> None:
    connection = op.get_bind()
    if connection.dialect.name == "sqlite":
        return
    roles.ensure(connection, (CALLER, INTAKE, WORKER, RELAY))
    op.execute(f"GRANT USAGE ON SCHEMA {_schema()} TO {ALL}")
    for grant in GRANTS:
        op.execute(f"GRANT {grant}")
    for table, condition in (("orders", ORDER_IS_VISIBLE), ("order_events", EVENT_IS_VISIBLE)):
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY caller ON {table} TO {CALLER} USING ({condition})")
        op.execute(f"CREATE POLICY service ON {table} TO {INTAKE}, {WORKER}, {RELAY} USING (true)")


def downgrade() -> None:
    """The roles stay: they may be another database's as well."""
    if op.get_bind().dialect.name == "sqlite":
        return
    for table in ("orders", "order_events"):
        op.execute(f"DROP POLICY service ON {table}")
        op.execute(f"DROP POLICY caller ON {table}")
        op.execute(f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY")
    op.execute(f"REVOKE ALL ON {TABLES} FROM {ALL}")
    op.execute(f"REVOKE ALL ON SEQUENCE order_events_id_seq FROM {ALL}")
    op.execute("REVOKE SELECT ON alembic_version FROM PUBLIC")
    op.execute(f"REVOKE USAGE ON SCHEMA {_schema()} FROM {ALL}")


def _schema() -> str:
    return str(op.get_bind().exec_driver_sql("SELECT quote_ident(current_schema())").scalar_one())
