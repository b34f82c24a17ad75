"""What would not survive replacing Celery by another queue. Everything else is in `hardware_orders`."""
