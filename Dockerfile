# For `make docker-build`. The demo and the tests make the same image without
# Docker (see `image` in the Makefile).
FROM --platform=$BUILDPLATFORM golang:1.26 AS build
ARG TARGETOS=linux
ARG TARGETARCH
ARG VERSION=dev
WORKDIR /src
# Apart from the source, so that a change to it downloads nothing.
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH \
    go build -trimpath -buildvcs=false -ldflags "-s -w -X main.version=$VERSION" -o /stint-controller ./cmd

FROM gcr.io/distroless/static:nonroot
COPY --from=build /stint-controller /stint-controller
# A number, so that the kubelet can tell that it is not root.
USER 65532:65532
ENTRYPOINT ["/stint-controller"]
