#!/usr/bin/env bash
# A real Docker engine, a Podman service and a registry with base images, all below one folder.
#   packages   the Debian packages that it needs and that are missing, one a line
#   start      starts all of it and prints the variables that the tests read (the rest: stderr)
#   stop       ends all of it and removes the folder
# By hand, as root: eval "$(tests/support/engine.sh start)"; afterwards tests/support/engine.sh stop
#   REPRUN_ENGINE_FOLDER   where (a short path: sockets lie in it); /tmp/reprun-engine
#   REPRUN_ENGINE_PORT     of the registry with the base images; a free one
#   REPRUN_ENGINE_BRIDGE   its network bridge; reprun0. Not docker0: any engine that is started with
#                          another bridge, as those of single tests are, removes that one
set -euo pipefail
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
FOLDER=${REPRUN_ENGINE_FOLDER:-/tmp/reprun-engine}
BRIDGE=${REPRUN_ENGINE_BRIDGE:-reprun0}
# dockerd and debootstrap lie where a user's PATH may not lead.
export PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin"

tell() {
    printf 'engine: %s (%d s)\n' "$1" "$SECONDS" >&2
}

fail() {
    printf 'error: %s\n' "$1" >&2
    exit 1
}

packages() {
    local program
    while read -r program package; do
        command -v "$program" >/dev/null || printf '%s\n' "$package"
    done <<'LIST'
dockerd docker.io
docker docker.io
iptables iptables
docker-init tini
docker-registry docker-registry
debootstrap debootstrap
busybox busybox-static
podman podman
runc runc
catatonit catatonit
/usr/lib/cni/bridge containernetworking-plugins
pgrep procps
ip iproute2
LIST
    # Debian has a busybox with and one without libraries; only the latter runs alone in an image.
    ! ldd "$(command -v busybox)" >/dev/null 2>&1 || printf 'busybox-static\n'
}

# Runs a daemon that outlives this script: NAME PROGRAM ARGUMENT…
daemon() {
    local name=$1
    shift
    setsid "$@" </dev/null >"$FOLDER/$name.log" 2>&1 &
    printf '%d\n' "$!" >"$FOLDER/$name.pid"
}

# Waits until a command succeeds: NAME COMMAND…; NAME's log is shown where it never does.
until_up() {
    local name=$1 attempts=300
    shift
    until "$@" >/dev/null 2>&1; do
        if ! kill -0 "$(<"$FOLDER/$name.pid")" 2>/dev/null || ((--attempts == 0)); then
            tail -n 20 "$FOLDER/$name.log" >&2
            fail "$name does not come up"
        fi
        sleep 0.1
    done
    tell "$name is up"
}

start_registry() {
    cat >"$FOLDER/registry.yml" <<YAML
version: 0.1
log: {level: warn}
storage: {filesystem: {rootdirectory: "$FOLDER/registry"}}
http: {addr: "127.0.0.1:$1"}
YAML
    # Another life than the system's: Debian's own configuration asks for a login.
    daemon registry docker-registry serve "$FOLDER/registry.yml"
    until_up registry bash -c "exec 3<>/dev/tcp/127.0.0.1/$1"
}

start_docker() {
    local options=() subnet=254
    if ! ip link show "$BRIDGE" >/dev/null 2>&1; then
        # Of two engines with one subnet only the first one's containers would be answered.
        while ip -4 addr show | grep -qF "inet 172.31.$subnet."; do
            subnet=$((subnet - 1))
        done
        ip link add name "$BRIDGE" type bridge
        ip addr add "172.31.$subnet.1/24" dev "$BRIDGE"
        ip link set "$BRIDGE" up
        printf "%s" "$BRIDGE" >"$FOLDER/bridge"
    fi
    options+=(--bridge "$BRIDGE")
    daemon docker dockerd --data-root "$FOLDER/docker" --exec-root "$FOLDER/exec" \
        --pidfile "$FOLDER/dockerd.pid" --host "unix://$FOLDER/docker.sock" \
        --group "${SUDO_GID:-0}" --insecure-registry 127.0.0.0/8 \
        --registry-mirror "http://127.0.0.1:$1" "${options[@]}"
    until_up docker docker -H "unix://$FOLDER/docker.sock" version
}

start_podman() {
    local at=$FOLDER/podman
    mkdir -p "$at/networks"
    cat >"$at/registries.conf" <<TOML
unqualified-search-registries = ["docker.io"]
short-name-mode = "permissive"
[[registry]]
prefix = "127.0.0.1"
location = "127.0.0.1"
insecure = true
[[registry]]
prefix = "docker.io"
location = "docker.io"
[[registry.mirror]]
location = "127.0.0.1:$1"
insecure = true
TOML
    # Unasked, Podman gives containers more files and processes than a machine may let it give.
    local files processes
    files=$(ulimit -Hn) processes=$(</proc/sys/kernel/pid_max)
    [[ $(ulimit -Hu) == unlimited ]] || ((processes < $(ulimit -Hu))) || processes=$(ulimit -Hu)
    cat >"$at/containers.conf" <<TOML
[containers]
default_ulimits = [
    "nofile=${files/unlimited/-1}:${files/unlimited/-1}",
    "nproc=$processes:$processes",
]
TOML
    # Of the two runtimes only runc runs where cgroups v1 and v2 are both mounted.
    CONTAINERS_REGISTRIES_CONF="$at/registries.conf" CONTAINERS_CONF="$at/containers.conf" \
        daemon podman podman \
        --root "$at/root" --runroot "$at/run" --tmpdir "$at/tmp" --storage-driver overlay \
        --network-config-dir "$at/networks" --cgroup-manager cgroupfs --events-backend file \
        --runtime runc \
        system service --time 0 "unix://$FOLDER/podman.sock"
    until_up podman test -S "$FOLDER/podman.sock"
    chgrp "${SUDO_GID:-0}" "$FOLDER/podman.sock"
    chmod 660 "$FOLDER/podman.sock"
}

start() {
    local missing port
    missing=$(packages | sort -u | paste -sd ' ')
    [[ -z $missing ]] || fail "missing; apt-get install --no-install-recommends $missing"
    ((EUID == 0)) || fail "an engine is started by root only"
    [[ ! -e $FOLDER ]] || fail "$FOLDER is there: stop that engine first"
    if pgrep -x dockerd >/dev/null && [[ -z ${REPRUN_ENGINE_BRIDGE:-} ]]; then
        fail "an engine runs already: use it (DOCKER_HOST), or name a REPRUN_ENGINE_BRIDGE"
    fi
    port=${REPRUN_ENGINE_PORT:-$(python3 -c '
import socket
with socket.create_server(("127.0.0.1", 0)) as server:
    print(server.getsockname()[1])')}
    mkdir -p "$FOLDER"
    start_registry "$port"
    start_docker "$port"
    start_podman "$port"
    tell "base images"
    "$HERE/base_images/make.sh" "$FOLDER" "127.0.0.1:$port"
    tell "ready"
    printf 'export %s\n' "DOCKER_HOST=unix://$FOLDER/docker.sock" \
        "REPRUN_TESTS_PODMAN=unix://$FOLDER/podman.sock" REPRUN_TESTS_ENGINE=required
}

ended() {
    local attempts=200
    while kill -0 "$1" 2>/dev/null && ((attempts-- > 0)); do sleep 0.1; done
    kill -KILL "$1" 2>/dev/null || true
}

# A stopped container's monitor starts a Podman that mounts its storage anew, and does so after the
# service has gone: what is named by a process that ends soon is tried until nothing comes back.
forget_mounts_and_files() {
    local attempts=100 mount
    while ((attempts-- > 0)); do
        pkill -KILL -f -- "$FOLDER/podman/" || true
        # Whatever was killed in the middle leaves mounts, and what lies behind them must stay.
        awk -v at="$FOLDER/" 'index($2, at) == 1 { print $2 }' /proc/mounts | sort -r |
            while read -r mount; do umount --lazy "$mount"; done
        ! rm -rf --one-file-system "$FOLDER" 2>/dev/null || return 0
        sleep 0.1
    done
    rm -rf --one-file-system "$FOLDER"
}

stop() {
    local name pid
    [[ -d $FOLDER ]] || return 0
    if [[ -S $FOLDER/podman.sock ]]; then
        podman --url "unix://$FOLDER/podman.sock" rm --all --force --time 0 >/dev/null 2>&1 || true
    fi
    for name in podman docker registry; do
        [[ -f $FOLDER/$name.pid ]] || continue
        pid=$(<"$FOLDER/$name.pid")
        kill "$pid" 2>/dev/null && ended "$pid"
    done
    [[ ! -e $FOLDER/bridge ]] || ip link delete "$(<"$FOLDER/bridge")"
    forget_mounts_and_files
    tell "stopped"
}

case ${1:-} in
    packages) packages | sort -u ;;
    start) start ;;
    stop) stop ;;
    *) fail "usage: engine.sh packages|start|stop" ;;
esac
