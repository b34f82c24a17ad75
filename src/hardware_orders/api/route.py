"""Routes whose functions read their request by hand: FastAPI documents them, and stays out of their way."""

from typing import Any

from fastapi.routing import APIRoute
from starlette.routing import request_response


class HandReadRoute(APIRoute):
    """Without FastAPI's dependency solving, which has nothing to solve here and cost a third of a request's time.

    The function takes the request and returns the response; errors reach the application's handlers as always.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.app = request_response(self.endpoint)
