# One image for the three services. TORCH_INDEX_URL: see the Makefile; the CPU index makes the image several GB smaller.
FROM python:3.11-slim

ARG TORCH_INDEX_URL=""
ENV GVSC_CACHE=/opt/gvsc/cache PYTHONUNBUFFERED=1 PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1

WORKDIR /opt/gvsc
COPY constraints.txt ./
RUN torch=$(grep '^torch==' constraints.txt) \
 && if [ -n "$TORCH_INDEX_URL" ]; then pip install -c constraints.txt --no-deps --no-warn-conflicts --index-url "$TORCH_INDEX_URL" "$torch"; fi \
 && pip install -c constraints.txt setuptools "$torch"

COPY pyproject.toml README.md LICENSE ./
COPY common common
COPY transmitter transmitter
COPY channel channel
COPY receiver receiver
COPY gvsc gvsc
RUN pip install -c constraints.txt --no-build-isolation . && gvsc models get minilm

RUN useradd --create-home gvsc
USER gvsc
WORKDIR /home/gvsc
ENTRYPOINT ["gvsc"]
CMD ["--help"]
