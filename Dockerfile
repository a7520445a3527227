# hushgate as a server (the default), or as a worker of batch:
#   docker build -t hushgate . && docker run --rm -p 127.0.0.1:8000:8000 -e HUSHGATE_TOKEN=... hushgate
FROM python:3.13-slim AS build
WORKDIR /source
RUN python -m venv /opt/hushgate
ENV PATH=/opt/hushgate/bin:$PATH
# First what is needed, so that a change of hushgate alone is built quickly.
COPY pyproject.toml constraints.txt PACKAGE.md LICENSE ./
COPY engine engine
COPY plugin plugin
COPY presets presets
COPY training training
RUN pip install --no-cache-dir -c constraints.txt '.[serve,formats,cluster]'

FROM python:3.13-slim
RUN useradd --system --create-home --uid 10001 hushgate
COPY --from=build /opt/hushgate /opt/hushgate
ENV PATH=/opt/hushgate/bin:$PATH PYTHONUNBUFFERED=1
# By number, which systems that forbid root can check.
USER 10001
WORKDIR /home/hushgate
EXPOSE 8000
# /ready needs no token.
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/ready', timeout=4)"]
# Lets what runs finish; docker stops after 10 s by default (docker stop --time 40).
STOPSIGNAL SIGTERM
ENTRYPOINT ["hushgate"]
CMD ["serve", "--host", "0.0.0.0", "--port", "8000"]
