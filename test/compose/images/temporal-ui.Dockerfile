# Temporal's web UI, built from its Go module, at the place of the public image.
FROM local/python:3.11
RUN apt-get update && apt-get install -y -q --no-install-recommends wget && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 1000 temporal
WORKDIR /home/ui-server
COPY ui-server ./
COPY ui-config config
USER temporal
ENTRYPOINT ["./ui-server", "--env", "docker", "start"]
