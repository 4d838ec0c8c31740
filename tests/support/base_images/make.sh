#!/usr/bin/env bash
# Makes the base images offline and pushes them to the registry that mirrors Docker Hub:
# FOLDER (with the engine's docker.sock) REGISTRY
set -euo pipefail
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
AT=$1/base
REGISTRY=$2
# Neither the user's logins nor the user's context are wanted here.
export DOCKER_HOST="unix://$1/docker.sock" DOCKER_CONFIG="$AT/cli" DOCKER_BUILDKIT=0
mkdir -p "$AT/cli"

debian() {
    debootstrap --variant=minbase bookworm "$AT/debian" >"$AT/debootstrap.log" 2>&1 || {
        tail -n 20 "$AT/debootstrap.log" >&2
        return 1
    }
    rm -rf "$AT"/debian/var/cache/apt/*.bin "$AT"/debian/var/cache/apt/archives/*.deb \
        "$AT"/debian/var/lib/apt/lists/* "$AT"/debian/usr/share/{doc,man,locale,info}/*
    tar -C "$AT/debian" --one-file-system --numeric-owner -c . |
        docker import --change 'CMD ["bash"]' - debian:bookworm-slim
}

# Debian's Python under the names of Docker Hub's, and this machine's way to its package index.
python() {
    mkdir "$AT/python"
    cp -L "${SSL_CERT_FILE:-/etc/ssl/certs/ca-certificates.crt}" "$AT/python/ca.crt"
    python3 "$HERE/pip_settings.py" >"$AT/python/pip.conf"
    cp "$HERE/python.Dockerfile" "$AT/python/Dockerfile"
    local variables=() name
    for name in http_proxy https_proxy no_proxy; do
        [[ -z ${!name:-} ]] || variables+=(--build-arg "$name")
    done
    docker build --network host "${variables[@]}" -t python:3.11-slim "$AT/python" \
        >"$AT/python.log" 2>&1 || {
        tail -n 20 "$AT/python.log" >&2
        return 1
    }
}

# Debian's busybox where Alpine's would be, with a package database as Alpine's apk writes it.
alpine() {
    local root=$AT/alpine name
    mkdir -p "$root"/{bin,etc,home,lib/apk/db,proc,root,sys,tmp,usr/bin,var}
    chmod 1777 "$root/tmp"
    cp "$(command -v busybox)" "$root/bin/busybox"
    for name in $(busybox --list); do
        [[ $name == busybox ]] || ln -s busybox "$root/bin/$name"
    done
    cp "$HERE/alpine/installed" "$root/lib/apk/db/installed"
    cp "$HERE/alpine/os-release" "$root/etc/os-release"
    printf '3.20.3\n' >"$root/etc/alpine-release"
    printf 'root:x:0:0:root:/root:/bin/sh\n' >"$root/etc/passwd"
    printf 'root:x:0:\n' >"$root/etc/group"
    tar -C "$root" --numeric-owner --owner 0 --group 0 -c . |
        docker import --change 'CMD ["/bin/sh"]' \
            --change 'ENV PATH=/usr/local/bin:/usr/bin:/bin' - alpine:3.20
}

# After the pull the engine knows the image as one that came from Docker Hub, digest and all.
publish() {
    docker tag "$1" "$REGISTRY/library/$1"
    docker push -q "$REGISTRY/library/$1"
    docker rmi "$REGISTRY/library/$1"
    docker pull -q "$1"
}

{
    alpine
    debian
    python
    for image in alpine:3.20 debian:bookworm-slim python:3.11-slim; do publish "$image"; done
} >&2
rm -rf --one-file-system "$AT"
