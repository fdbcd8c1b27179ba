# Debian's PostgreSQL under the contract of the public image: user, data folder, secret, folder of scripts.
FROM local/python:3.11
RUN apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends \
    postgresql-15 postgresql-client-15 && rm -rf /var/lib/apt/lists/* /var/lib/postgresql/15
COPY postgres-entrypoint.sh /usr/local/bin/docker-entrypoint.sh
RUN install --directory --mode 1777 --owner postgres --group postgres /var/lib/postgresql/data \
    && install --directory --mode 3777 --owner postgres --group postgres /var/run/postgresql \
    && mkdir /docker-entrypoint-initdb.d
ENV PATH=/usr/lib/postgresql/15/bin:$PATH PGDATA=/var/lib/postgresql/data
USER postgres
ENTRYPOINT ["/bin/sh", "/usr/local/bin/docker-entrypoint.sh"]
