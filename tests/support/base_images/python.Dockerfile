FROM debian:bookworm-slim
COPY pip.conf /etc/pip.conf
RUN apt-get update -qq \
    && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
        ca-certificates python3 python3-pip python3-venv \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin /usr/share/doc/* /usr/share/man/* \
        /usr/lib/python3*/EXTERNALLY-MANAGED \
    && ln -s /usr/bin/python3 /usr/local/bin/python
COPY ca.crt /etc/ssl/certs/ca-certificates.crt
ENV LANG=C.UTF-8 PYTHON_VERSION=3.11
CMD ["python3"]
