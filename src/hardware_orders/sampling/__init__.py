"""How the whole system stands: taken once a second by a relay, read by everybody who watches (docs/adr/0024)."""
