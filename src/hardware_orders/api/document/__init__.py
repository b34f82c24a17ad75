"""The OpenAPI document and the pages made of it. What it says of each operation stands in `api/openapi.py`."""
