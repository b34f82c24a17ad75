"""HTTP: routes, authentication, strict JSON, errors. Knows the contract; decides nothing about orders."""
