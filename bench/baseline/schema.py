"""Makes the baseline's tables and the portfolios of its customers, in an empty database."""

from uuid import UUID

from bench.baseline.tables import Base, Portfolio, Session, engine
from bench.orders import CUSTOMERS, DEFAULTS, customer_entity_uid

if __name__ == "__main__":
    Base.metadata.create_all(engine)
    with Session() as session:
        session.add_all(
            Portfolio(customer_entity_uid=UUID(customer_entity_uid(number)), **DEFAULTS) for number in range(CUSTOMERS)
        )
        session.commit()
