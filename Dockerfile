# One image for Airflow, Spark and MLflow, with the same Python and the same packages. bin/install has the steps.
#
#   docker build --tag kindred .
#   docker build --tag kindred-object-store --target object-store .

FROM golang:1.26-bookworm AS store-build
COPY bin/install /build/bin/install
RUN sh /build/bin/install store /out

FROM debian:bookworm-slim AS object-store
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates curl \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 50000 --no-create-home store \
    && install -d -o store /data
COPY --from=store-build /out/versitygw /usr/local/bin/versitygw
USER store
VOLUME /data
EXPOSE 7070
HEALTHCHECK CMD ["curl", "--fail", "--silent", "http://127.0.0.1:7070/health"]
CMD ["versitygw", "--port", ":7070", "--health", "/health", "posix", "/data"]

FROM python:3.12-slim-bookworm AS kindred
COPY bin/install /opt/kindred/bin/install
RUN sh /opt/kindred/bin/install system
# Layers that seldom change come first; each is built again only if its own files change.
RUN sh /opt/kindred/bin/install jars /opt/kindred/jars
COPY bin/setup /opt/kindred/bin/setup
COPY requirements.txt /opt/kindred/requirements.txt
RUN PIP_NO_CACHE_DIR=1 sh /opt/kindred/bin/install packages /opt/kindred/venv
ENV PATH=/opt/kindred/venv/bin:$PATH \
    JAVA_HOME=/usr/lib/jvm/java-17-openjdk \
    LD_LIBRARY_PATH=/opt/kindred/venv/lib/python3.12/site-packages/faiss_cpu.libs \
    OPENBLAS_NUM_THREADS=1 \
    OMP_NUM_THREADS=1 \
    PYTHONDONTWRITEBYTECODE=1
# One path for all architectures: Debian's contains the architecture.
RUN ln -s "$(dirname "$(dirname "$(readlink -f "$(command -v java)")")")" "$JAVA_HOME" \
    && sh /opt/kindred/bin/install check /opt/kindred/venv
COPY docker /opt/kindred/docker
COPY include /opt/kindred/include
COPY spark_jobs /opt/kindred/spark_jobs
COPY plugins /opt/kindred/plugins
COPY dags /opt/kindred/dags
RUN python -m compileall -q /opt/kindred/include /opt/kindred/dags \
    && useradd --uid 50000 --create-home kindred \
    && install -d -o kindred /var/lib/kindred /var/lib/kindred/airflow /var/lib/kindred/mlflow /var/lib/kindred/cache
ENV PYTHONPATH=/opt/kindred/include
# This user can read the code, and can write only below /var/lib/kindred.
USER kindred
WORKDIR /var/lib/kindred
ENTRYPOINT ["tini", "--"]
HEALTHCHECK CMD ["python", "-c", "import kindred"]
CMD ["airflow", "version"]
