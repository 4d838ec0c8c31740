"""Every flag that `docker run` knows: what becomes of it, and how its value is read."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

from msgspec import Struct

from runner.containers.options import forms, named_files, ports, values
from runner.containers.options.fields import gpus, mount
from runner.containers.options.networks import network

if TYPE_CHECKING:
    from pathlib import Path

Reader: TypeAlias = Callable[[str], object]


class Flag(Struct, frozen=True):
    """A flag that has an effect.

    Attributes:
        place: in the create body; "" where what is read is a body, or another's to place.
        read: makes a value of the text, ValueError with what is wrong with it.
        read_at: the same where a relative path starts at the caller's folder.
        listed: given more than once it adds up, each value an item of a list.
        mapped: the same, each value a part of a mapping.
        example: a value, for hints.
    """

    place: str = ""
    read: Reader = str
    read_at: Callable[[str, Path], object] | None = None
    listed: bool = False
    mapped: bool = False
    example: str = "NAME"

    @property
    def switch(self) -> bool:
        """Whether it needs no value."""
        return self.read is values.boolean


def _config(name: str, read: Reader = str, example: str = "NAME") -> Flag:
    return Flag(f"HostConfig.{name}", read, example=example)


def _list(name: str, read: Reader = str, example: str = "NAME") -> Flag:
    return Flag(f"HostConfig.{name}", read, listed=True, example=example)


def _map(name: str, read: Reader = values.pair, example: str = "NAME=VALUE") -> Flag:
    return Flag(name, read, mapped=True, example=example)


def _switch(place: str) -> Flag:
    return Flag(place, values.boolean, example="true")


NAMESPACES = {
    "cgroupns": _config("CgroupnsMode", forms.mode("host", "private", others=False), "host"),
    "ipc": _config("IpcMode", forms.mode("none", "private", "shareable", "host"), "host"),
    "pid": _config("PidMode", forms.mode("host"), "host"),
    "userns": _config("UsernsMode", forms.mode("host", others=False), "host"),
    "uts": _config("UTSMode", forms.mode("host", others=False), "host"),
}
LIMITS = {
    "blkio-weight": _config("BlkioWeight", values.weight, "300"),
    "blkio-weight-device": _list("BlkioWeightDevice", forms.device_weight, "/dev/sda:300"),
    "cgroup-parent": _config("CgroupParent"),
    "cpu-period": _config("CpuPeriod", values.whole, "100000"),
    "cpu-quota": _config("CpuQuota", values.whole, "50000"),
    "cpu-rt-period": _config("CpuRealtimePeriod", values.whole, "1000000"),
    "cpu-rt-runtime": _config("CpuRealtimeRuntime", values.whole, "950000"),
    "cpu-shares": _config("CpuShares", values.whole, "512"),
    "cpus": _config("NanoCpus", values.cpus, "1.5"),
    "cpuset-cpus": _config("CpusetCpus", example="0-3"),
    "cpuset-mems": _config("CpusetMems", example="0,1"),
    "device-read-bps": _list("BlkioDeviceReadBps", forms.device_bytes, "/dev/sda:1mb"),
    "device-read-iops": _list("BlkioDeviceReadIOps", forms.device_operations, "/dev/sda:1000"),
    "device-write-bps": _list("BlkioDeviceWriteBps", forms.device_bytes, "/dev/sda:1mb"),
    "device-write-iops": _list("BlkioDeviceWriteIOps", forms.device_operations, "/dev/sda:1000"),
    "memory": _config("Memory", values.size, "2g"),
    "memory-reservation": _config("MemoryReservation", values.size, "1g"),
    "memory-swap": _config("MemorySwap", values.swap, "4g"),
    "memory-swappiness": _config("MemorySwappiness", values.swappiness, "0"),
    "oom-kill-disable": _switch("HostConfig.OomKillDisable"),
    "oom-score-adj": _config("OomScoreAdj", values.whole, "500"),
    "pids-limit": _config("PidsLimit", values.whole, "100"),
    "shm-size": _config("ShmSize", values.size, "2g"),
    "ulimit": _list("Ulimits", forms.limit, "nofile=1024:2048"),
}
DEVICES = {
    "gpus": _list("DeviceRequests", gpus, "all"),
    "device": Flag("", forms.device, listed=True, example="/dev/fuse"),
    "device-cgroup-rule": _list("DeviceCgroupRules", forms.device_rule, "'c 1:3 mr'"),
}
FILES = {
    "mount": Flag(
        "HostConfig.Mounts", read_at=mount, listed=True, example="type=bind,source=/a,target=/b"
    ),
    "read-only": _switch("HostConfig.ReadonlyRootfs"),
    "storage-opt": _map("HostConfig.StorageOpt", values.full_pair, "size=10G"),
    "tmpfs": _map("HostConfig.Tmpfs", forms.temporary, "/run:size=64m"),
    "volume-driver": _config("VolumeDriver"),
    "volumes-from": _list("VolumesFrom", example="CONTAINER:ro"),
}
NETWORK = {
    "add-host": _list("ExtraHosts", forms.host, "NAME:1.2.3.4"),
    "dns": _list("Dns", values.address, "1.1.1.1"),
    "dns-option": _list("DnsOptions", example="ndots:1"),
    "dns-search": _list("DnsSearch", forms.domain, "example.com"),
    "domainname": Flag("Domainname"),
    "expose": _map("ExposedPorts", ports.expose, "80"),
    "hostname": Flag("Hostname"),
    "publish": Flag("", ports.publish, listed=True, example="8080:80"),
    "publish-all": _switch("HostConfig.PublishAllPorts"),
}
HEALTH = {
    "health-cmd": Flag("", forms.check_command, example="'true'"),
    "health-interval": Flag("Healthcheck.Interval", values.duration, example="30s"),
    "health-retries": Flag("Healthcheck.Retries", values.natural, example="3"),
    "health-start-interval": Flag("Healthcheck.StartInterval", values.duration, example="5s"),
    "health-start-period": Flag("Healthcheck.StartPeriod", values.duration, example="1m30s"),
    "health-timeout": Flag("Healthcheck.Timeout", values.duration, example="10s"),
}
OTHERS = {
    "annotation": _map("HostConfig.Annotations"),
    "cap-add": _list("CapAdd", forms.capability, "NET_ADMIN"),
    "cap-drop": _list("CapDrop", forms.capability, "ALL"),
    "group-add": _list("GroupAdd", example="video"),
    "init": _switch("HostConfig.Init"),
    # A label of one's own has the last word over the file's: the order counts.
    "label-file": Flag("Labels", read_at=named_files.labels, mapped=True, example="FILE"),
    "label": _map("Labels"),
    "log-driver": Flag("HostConfig.LogConfig.Type", example="json-file"),
    "log-opt": _map("HostConfig.LogConfig.Config", example="max-size=10m"),
    "privileged": _switch("HostConfig.Privileged"),
    "runtime": _config("Runtime", example="nvidia"),
    "security-opt": Flag(
        "", read_at=named_files.security, listed=True, example="seccomp=unconfined"
    ),
    "stop-signal": Flag("StopSignal", example="SIGINT"),
    "stop-timeout": Flag("StopTimeout", values.whole, example="30"),
    "sysctl": _map("HostConfig.Sysctls", forms.kernel_setting, "net.core.somaxconn=1024"),
    "user": Flag("User", example="1000:1000"),
}
PLACED = {
    **NAMESPACES,
    **LIMITS,
    **DEVICES,
    **FILES,
    **NETWORK,
    **HEALTH,
    **OTHERS,
}

# What is no part of the body, or is made of several flags at once.
APART = {
    "entrypoint": Flag(example="/bin/sh"),
    "env": Flag(read=forms.variable, listed=True, example="NAME=VALUE"),
    "env-file": Flag(read_at=named_files.variables, listed=True, example="FILE"),
    "ip": Flag(read=lambda text: values.address(text, version=4), example="172.30.100.104"),
    "ip6": Flag(read=lambda text: values.address(text, version=6), example="2001:db8::33"),
    "link": Flag(read=forms.link, listed=True, example="CONTAINER:ALIAS"),
    "link-local-ip": Flag(read=values.address, listed=True, example="169.254.1.1"),
    "mac-address": Flag(read=values.hardware_address, example="92:d0:c6:0a:29:33"),
    "network": Flag(read=network, listed=True),
    "network-alias": Flag(listed=True),
    "no-healthcheck": _switch(""),
    "platform": Flag(read=forms.platform, example="linux/arm64"),
    "pull": Flag(read=forms.pull, example="always"),
    "volume": Flag(read=forms.volume, listed=True, example="/data:/data:ro"),
}
KNOWN = {**PLACED, **APART}
SHORT = {
    "a": "attach",
    "c": "cpu-shares",
    "d": "detach",
    "e": "env",
    "h": "hostname",
    "i": "interactive",
    "l": "label",
    "m": "memory",
    "p": "publish",
    "P": "publish-all",
    "q": "quiet",
    "t": "tty",
    "u": "user",
    "v": "volume",
    "w": "workdir",
    "dns-opt": "dns-option",
    "net": "network",
    "net-alias": "network-alias",
}
