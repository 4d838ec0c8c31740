# Runs a step inside of its container: `sh step.sh PROGRAM ARGUMENT…`, beside what reprun needs.
# What the step used is written when all of it has ended; the signals that end it come to all of it.
unset TINI_KILL_PROCESS_GROUP
trap : TERM INT HUP QUIT
if [ -n "$REPRUN_RELAY" ]; then
    # Python, port: MLflow's calls reach the run's own endpoint, whatever the container's network.
    "${REPRUN_RELAY%:*}" -E -S /reprun/step/relay.py "${REPRUN_RELAY##*:}" /reprun/run/endpoint.sock
    unset REPRUN_RELAY
fi
# What the shell itself says of a step that a signal ended, `Killed`, is none of the step's output.
exec 3>&2 2>/dev/null
(exec "$@" 2>&3 3>&-)
code=$?
{
    times
    read peak </sys/fs/cgroup/memory.peak || read peak </sys/fs/cgroup/memory/memory.max_usage_in_bytes
    echo "peak $peak"
} >/reprun/run/used
exit $code
