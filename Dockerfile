# The session host, for AWS:
#
#   docker build --platform linux/arm64 -t roost-host .
#
# It fetches Go modules and nothing else. What runs is one static binary with
# certificate authorities beside it, as nobody, on a file system that may be
# read-only but for /tmp.
FROM --platform=$BUILDPLATFORM golang:1.26.8-bookworm AS build
WORKDIR /src
ENV CGO_ENABLED=0 GOTOOLCHAIN=local
COPY go.mod go.sum ./
RUN --mount=type=cache,target=/go/pkg/mod go mod download
COPY . .
ARG TARGETOS TARGETARCH
RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/root/.cache/go-build \
    mkdir -p -m 1777 /out/tmp && \
    GOOS=$TARGETOS GOARCH=$TARGETARCH go build -trimpath -tags=timetzdata -ldflags=-s -o /out/sessionhost ./sessionhost

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /out/ /
COPY LICENSE NOTICE /
VOLUME /tmp
USER 65532:65532
HEALTHCHECK --interval=10s --timeout=5s --start-period=300s CMD ["/sessionhost", "-check"]
ENTRYPOINT ["/sessionhost"]
