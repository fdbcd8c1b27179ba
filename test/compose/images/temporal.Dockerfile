# Temporal's server and its tools, built from Go modules, at the places of the public images.
FROM local/python:3.11
RUN apt-get update && apt-get install -y -q --no-install-recommends netcat-openbsd && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 1000 temporal
COPY temporal-server temporal-sql-tool temporal /usr/local/bin/
COPY schema /etc/temporal/schema
USER temporal
