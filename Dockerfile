# One image for every process of the service; the command says which: `api`, `worker`, `relay`, `migrate`, `token`.

FROM python:3.11.14-slim-bookworm AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_NO_INPUT=1 PIP_ROOT_USER_ACTION=ignore
RUN python -m venv /opt/hardware-orders
ENV PATH=/opt/hardware-orders/bin:$PATH
WORKDIR /build
# A layer of its own: it changes with the lock alone.
COPY requirements.lock ./
RUN pip install --require-hashes -r requirements.lock
COPY pyproject.toml README.md ./
COPY src ./src
COPY workers ./workers
# All that building needs came hash-checked from the lock, so nothing else is fetched for it.
RUN pip wheel --no-build-isolation --no-deps --wheel-dir wheels . && pip install --no-deps wheels/*.whl

FROM python:3.11.14-slim-bookworm
# The signing key's folder is made here so that a volume mounted over it belongs to the user.
RUN groupadd --gid 10001 orders \
    && useradd --uid 10001 --gid orders --no-create-home --shell /usr/sbin/nologin orders \
    && install --directory --owner orders --group orders --mode 700 /var/lib/hardware-orders
COPY --from=build /opt/hardware-orders /opt/hardware-orders
# REMAP_SIGTERM: a worker that is told to stop gives its tasks the bounded time of Celery's soft shutdown.
ENV PATH=/opt/hardware-orders/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    REMAP_SIGTERM=SIGQUIT
# A number, so that an orchestrator can see that it is not root.
USER 10001:10001
STOPSIGNAL SIGTERM
EXPOSE 8000
ENTRYPOINT ["hardware-orders"]
