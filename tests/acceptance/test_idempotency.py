"""An Idempotency-Key's end, on a running system; its beginning and races are in test_path.py and tests/database."""

import uuid
from datetime import timedelta

from sqlalchemy import func, select, update

from hardware_orders.intake.idempotency import LIFETIME
from hardware_orders.tables import idempotency_keys
from tests.system import System, eventually, order


def test_an_expired_key_makes_a_new_order_and_is_forgotten_by_the_relay(system: System) -> None:
    key, unused = str(uuid.uuid4()), str(uuid.uuid4())
    of_ours = idempotency_keys.c.key.in_([key, unused])
    body = order()
    with system.client() as client:
        first = client.post("/orders/hardware", json=body, headers={"Idempotency-Key": key})
        again = client.post("/orders/hardware", json=body, headers={"Idempotency-Key": key})
        client.post("/orders/hardware", json=order(), headers={"Idempotency-Key": unused})
        assert (again.json()["orderId"], again.headers["idempotent-replayed"]) == (first.json()["orderId"], "true")
        with system.database.write() as connection:
            expired = system.database.now(connection) - LIFETIME - timedelta(hours=1)
            connection.execute(update(idempotency_keys).where(of_ours).values(created_at=expired))
        anew = client.post("/orders/hardware", json=order(), headers={"Idempotency-Key": key})
        assert anew.status_code == 200
        assert "idempotent-replayed" not in anew.headers

    def left() -> int:
        with system.database.read() as connection:
            query = select(func.count()).select_from(idempotency_keys).where(of_ours)
            return int(connection.execute(query).scalar_one())

    eventually(lambda: left() == 1)
