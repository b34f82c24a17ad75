"""The application as it is made at the start of a process, before it has opened anything."""

from pathlib import Path

from fastapi import FastAPI

from hardware_orders.app import create_app
from hardware_orders.settings import Settings


def unstarted(folder: Path) -> FastAPI:
    return create_app(
        Settings(
            database_url=f"sqlite:///{folder}/orders.db",
            broker_url="redis://127.0.0.1:1",
            events_url="redis://127.0.0.1:1",
            local_signing_key=folder / "key.json",
        )
    )
