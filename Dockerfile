# One image for all services: tinyvideo with Prefect, TensorBoard and a small S3 server.
#
#   docker build -t tinyvideo:cpu .                          without CUDA's libraries: 2 GB
#   docker build -t tinyvideo:gpu --build-arg TORCH_INDEX= . with them, for machines that train
#
# Every file that is installed has the hash that supply/ says, but for torch without CUDA, of which
# only the two names are asked for, at an index that nobody else can publish in. The base image is
# that of a tag, which can be moved; who wants to be sure names its digest:
#
#   docker buildx imagetools inspect python:3.11.11-slim-bookworm        tells it
#   docker build --build-arg PYTHON_DIGEST=@sha256:... -t tinyvideo:cpu .
ARG PYTHON_DIGEST=
FROM python:3.11.11-slim-bookworm${PYTHON_DIGEST} AS build

# Where torch without CUDA is to be had; empty: the usual index, whose torch brings CUDA along.
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu

ENV PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /opt/tinyvideo
WORKDIR /src

# The dependencies first, which change seldom: their layer outlives changes of the code.
COPY supply/image.lock supply/torch.lock ./
RUN --mount=type=cache,target=/root/.cache/pip \
    /opt/tinyvideo/bin/pip install --require-hashes --no-deps --requirement image.lock \
    && if [ -n "$TORCH_INDEX" ]; then \
    /opt/tinyvideo/bin/pip install --no-deps --index-url "$TORCH_INDEX" \
    $(grep -oE '^(torch|torchvision)==[^ ]+' torch.lock); \
    else \
    /opt/tinyvideo/bin/pip install --require-hashes --no-deps --requirement torch.lock; \
    fi

COPY pyproject.toml README.md LICENSE ./
COPY tinyvideo tinyvideo
COPY flows flows
COPY models models
COPY storage storage
COPY pipeline pipeline
RUN --mount=type=cache,target=/root/.cache/pip \
    /opt/tinyvideo/bin/pip install --no-deps --no-build-isolation .

FROM python:3.11.11-slim-bookworm${PYTHON_DIGEST}

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
