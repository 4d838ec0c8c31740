# Runs a step inside of its container: `sh step.sh PROGRAM ARGUMENT…`, beside what reprun needs.
# What the step used is written when all of it has ended; the signals that end it come to all of it.
unset TINI_KILL_PROCESS_GROUP
trap : TERM INT HUP QUIT
# The group of all of this, for signal.sh: an engine's own first process starts us as its leader.
{ echo $$ >/reprun/run/group; } 2>/dev/null
if [ -n "$REPRUN_RELAY" ]; then
    # Python, port: MLflow's calls reach the run's own endpoint, whatever the container's network.
    "${REPRUN_RELAY%:*}" -E -S /reprun/step/relay.py "${REPRUN_RELAY##*:}" /reprun/run/endpoint.sock
    unset REPRUN_RELAY
fi
# What is no UTF-8 can't be told through an engine's API.
[ ! -e /reprun/run/words.sh ] || . /reprun/run/words.sh
# What the shell itself says of a step that a signal ended, `Killed`, is none of the step's output.
exec 3>&2 2>/dev/null
(exec "$@" 2>&3 3>&-)
code=$?
{
    times
    read peak </sys/fs/cgroup/memory.peak || read peak </sys/fs/cgroup/memory/memory.max_usage_in_bytes
    echo "peak $peak"
    # Not every engine notices that the kernel has killed one of the step's processes.
    cat /sys/fs/cgroup/memory.events || cat /sys/fs/cgroup/memory/memory.oom_control
} >/reprun/run/used
exit $code
