# The controller's image. BASE is any Debian-like Python 3.11 or newer: by default the one from the image registry, or
# the root file system that `python -m cluster image` makes where no registry can be reached.
# The build context comes from cluster/deployment/image.py, wheels and all: the build itself needs no network.
ARG BASE=python:3.11-slim

FROM ${BASE} AS dependencies
COPY wheels /wheels
COPY requirements.lock /
# pip runs out of its own wheel, so that it does not end up in the image. Bytecode is compiled once, here, without
# looking at time stamps later: the root file system is read-only, and starting would take twice as long.
RUN python3 -m venv --without-pip /opt/venv \
    && PYTHONPATH="$(echo /wheels/pip-*.whl)" /opt/venv/bin/python3 -m pip install --no-compile --no-index \
        --find-links /wheels --require-hashes --root-user-action ignore -r /requirements.lock \
    && /opt/venv/bin/python3 -m compileall -q -j 0 --invalidation-mode unchecked-hash /opt/venv/lib

FROM dependencies AS project
COPY project /project
# Apart from the dependencies: a change of our code changes a layer of one megabyte.
RUN PYTHONPATH="$(echo /wheels/pip-*.whl)" /opt/venv/bin/python3 -m pip install --no-compile --no-index --no-deps \
        --root-user-action ignore --target /opt/project /project/*.whl \
    && /opt/venv/bin/python3 -m compileall -q --invalidation-mode unchecked-hash /opt/project

FROM ${BASE}
COPY --from=dependencies /opt/venv /opt/venv
COPY --from=project /opt/project /opt/project
ENV PATH=/opt/project/bin:/opt/venv/bin:/usr/local/bin:/usr/bin:/bin \
    PYTHONPATH=/opt/project \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
USER 65532:65532
ENTRYPOINT ["python3", "-m", "controller"]
