# Debian with the machine's own Node and npm, for what is built from the public Node image elsewhere.
FROM local/python:3.11
COPY node /usr/local/bin/node
COPY npm /usr/local/lib/node_modules/npm
RUN ln -s ../lib/node_modules/npm/bin/npm-cli.js /usr/local/bin/npm
