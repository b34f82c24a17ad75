"""The reference Portfolio Service: serves a portfolio file over HTTP, and misbehaves when it is told to."""
