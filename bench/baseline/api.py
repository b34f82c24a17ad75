"""The baseline's API: checks the order, hands it to Celery, and says 202."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID, uuid4

from fastapi import FastAPI, Header
from pydantic import BaseModel, Field

from bench.baseline.tasks import process_order

app = FastAPI()


class OrderIn(BaseModel):
    """The body of a new order."""

    orderReference: str = Field(min_length=1, max_length=128)  # noqa: N815 - the contract's names
    customerEntityUid: UUID  # noqa: N815
    requestedDate: datetime | None = None  # noqa: N815
    poRef: str | None = Field(default=None, max_length=128)  # noqa: N815
    notes: str | None = Field(default=None, max_length=4000)


@app.post("/orders/hardware", status_code=202, response_model=None)
def add_order(
    order: OrderIn,
    save_draft: Annotated[bool, Header(alias="saveDraft")] = False,  # noqa: FBT002 - a header, never positional
    simplified: Annotated[bool, Header(alias="X-Use-Simplified-Order-Flow")] = False,  # noqa: FBT002
) -> dict[str, Any]:
    order_id = str(uuid4())
    message = {**order.model_dump(mode="json"), "id": order_id, "saveDraft": save_draft, "simplified": simplified}
    process_order.delay(message)
    return {"id": order_id, "status": "RECEIVED"}
