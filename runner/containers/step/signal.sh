# Has a step hear a signal, run beside it in its container: `sh signal.sh NUMBER`.
# By then the step may not have come as far as to say which group its processes are.
tries=0
until [ -s /reprun/run/group ] || [ $tries -gt 5 ]; do
    tries=$((tries + 1))
    sleep 1
done
read -r group </reprun/run/group && kill "-$1" "-$group"
