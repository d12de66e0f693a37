# syntax=docker/dockerfile:1
# Two images FROM scratch, each one static executable and nothing else: no shell, no package, no user but a number.
#
#   docker build -t ttg-worker .                  the worker: what runs in the pods of a run
#   docker build -t ttg-tui --target tool .       the tool itself, for use inside a cluster
#
# A build of the same commit gives the same files: the toolchain is named, the lock file is obeyed, paths are mapped, and nothing
# reads the clock. For layers of equal bytes pass the time of the commit, as BuildKit then writes it into every entry:
#
#   docker buildx build --build-arg SOURCE_DATE_EPOCH="$(git log -1 --format=%ct)" --output type=image,rewrite-timestamp=true .

ARG RUST_VERSION=1.95

FROM rust:${RUST_VERSION}-slim-bookworm AS build
# 0 is the beginning of 1970: without a time from outside there is none.
ARG SOURCE_DATE_EPOCH=0
ENV SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH} \
    CARGO_INCREMENTAL=0 \
    CARGO_TERM_COLOR=never \
    LC_ALL=C.UTF-8 \
    TZ=UTC \
    RUSTFLAGS="-C target-feature=+crt-static -C link-arg=-Wl,--build-id=none --remap-path-prefix=/source=. --remap-path-prefix=/usr/local/cargo=cargo"
WORKDIR /source
COPY . .
# With a target named, the flags are for what is built alone, not for build scripts and macros, which cannot be static.
RUN target="$(rustc -vV | sed -n 's/^host: //p')" \
    && cargo build --release --locked --workspace --bins --target "$target" \
    && mkdir /out \
    && cp "target/$target/release/ttg-worker" "target/$target/release/ttg-tui" /out/

FROM scratch AS tool
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="ttg-tui" \
      org.opencontainers.image.description="Runs one computation over many Kubernetes pods, shows it happening, and proves the number" \
      org.opencontainers.image.licenses="MIT OR Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=build --chmod=0755 /out/ttg-tui /ttg-tui
USER 65532:65532
ENTRYPOINT ["/ttg-tui"]

# The last stage is what is built when none is named.
FROM scratch AS worker
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="ttg-worker" \
      org.opencontainers.image.description="The worker of ttg-tui: computes one shard of a parameter range and reports its result" \
      org.opencontainers.image.licenses="MIT OR Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=build --chmod=0755 /out/ttg-worker /ttg-worker
USER 65532:65532
ENTRYPOINT ["/ttg-worker"]
