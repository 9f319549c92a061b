# autorollback and the helper that archives its evidence, as static programs.
#
#   docker build -t autorollback --build-arg VERSION=$(git describe --tags) --build-arg REVISION=$(git rev-parse HEAD) .
#   docker run -p 9095:9095 -p 9096:9096 -v $PWD/runbooks:/runbooks:ro -v autorollback:/data autorollback \
#     serve --runbooks=/runbooks --store=consul://consul:8500 --prometheus.url=http://prometheus:9090 \
#     --receiver.token-file=/data/receiver.token --web.config.file=/runbooks/web.yml --web.roles.file=/runbooks/roles.yml
#
# The last stage is laid out as the distroless images are: CA certificates, a passwd
# file with the user nonroot, and the program; no shell, no package manager.

FROM docker.io/library/golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG VERSION=dev
ENV CGO_ENABLED=0 GOFLAGS=-trimpath GOTOOLCHAIN=local
RUN mkdir -p /out/etc/ssl/certs /out/data /out/tmp \
 && go build -ldflags "-s -w -X main.version=$VERSION" -o /out/ ./cmd/autorollback ./cmd/autorollback-keeper \
 && cp /etc/ssl/certs/ca-certificates.crt /out/etc/ssl/certs/ \
 && echo "nonroot:x:65532:65532:nonroot:/data:/sbin/nologin" >/out/etc/passwd \
 && echo "nonroot:x:65532:" >/out/etc/group \
 && chmod 1777 /out/tmp && chown 65532:65532 /out/data

# deploy/compose builds the model service of the README's "Getting started" of this; the image does not have it.
FROM build AS build-example
RUN go build -ldflags "-s -w" -o /out/service ./examples/service
FROM scratch AS example
COPY --from=build-example /out/ /
USER 65532:65532
WORKDIR /data
ENTRYPOINT ["/service"]

FROM scratch
ARG VERSION=dev
ARG REVISION=
LABEL org.opencontainers.image.title="autorollback" \
      org.opencontainers.image.description="Rolls back bad model releases, and proves that users recovered" \
      org.opencontainers.image.source="https://github.com/autorollback/autorollback" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION"
COPY --from=build /out/ /
USER 65532:65532
# The keys, the token, the evidence and a file store are written here.
WORKDIR /data
VOLUME ["/data"]
EXPOSE 9095 9096
# With TLS or sign-in set AUTOROLLBACK_URL and AUTOROLLBACK_HTTP_CONFIG, or
# AUTOROLLBACK_USER and AUTOROLLBACK_PASSWORD_FILE: the check asks like any other client, who needs the
# role metrics. Or serve with --metrics.listen-address, and let AUTOROLLBACK_URL be that.
HEALTHCHECK --interval=10s --timeout=6s --start-period=10s CMD ["/autorollback", "healthy"]
ENTRYPOINT ["/autorollback"]
CMD ["--help"]
