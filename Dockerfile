# The two commands of README.md on CPUs, in a container:
#
#   docker build -t roadseg .
#   docker run --rm --shm-size=1g -v "$PWD/out:/out" roadseg     # the report is then in out/report
#   docker run --rm --shm-size=1g roadseg make test
#
# --shm-size: the loader's processes share their batches in /dev/shm, of which Docker gives 64 MB.
FROM python:3.11-slim-bookworm

RUN apt-get update \
    && apt-get install -y --no-install-recommends git make \
    && rm -rf /var/lib/apt/lists/*

WORKDIR /roadseg

# the packages first: this layer stays while only the code changes
COPY requirements.txt constraints.txt Makefile ./
RUN make .venv/.installed

# DVC and some tests want a git repository with its history: .git is copied, too
COPY . .
RUN touch .venv/.installed && git config --global --add safe.directory /roadseg

ENV ROADSEG_STORE=/roadseg-store
CMD ["sh", "-c", "make repro && if [ -d /out ]; then cp -r report metrics models /out; fi"]
