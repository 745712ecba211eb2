# Messages, the cache, locks and progress. Sourced by ./veridian.

# Where everything slow is kept: nothing of it belongs to one checkout.
VERIDIAN_CACHE=${XDG_CACHE_HOME:-${HOME:?HOME is not set}/.cache}/veridian

say() {
    printf 'veridian: %s\n' "$*" >&2
}

# One clear line that says what to do, then the end.
die() {
    say "$*"
    exit 1
}

# locked NAME COMMAND...: one process of the user at a time; others wait.
locked() {
    local name=$1
    shift
    mkdir -p "$VERIDIAN_CACHE/locks" || die "cannot write to $VERIDIAN_CACHE; set XDG_CACHE_HOME to a folder of yours"
    (
        if ! flock -n 9; then
            say "waiting for another ./veridian ($name)"
            flock 9
        fi
        "$@"
    ) 9>"$VERIDIAN_CACHE/locks/$name"
}

# step TEXT COMMAND...: runs a long command with its output in a log; shows that it lives, and the
# end of the log when it fails.
step() {
    local text=$1 log status=0 started=$SECONDS ticker
    shift
    mkdir -p "$VERIDIAN_CACHE/logs"
    log=$VERIDIAN_CACHE/logs/$(tr -cs 'A-Za-z0-9' '-' <<<"$text" | cut -c1-60)$$.log
    say "$text ..."
    step_ticker "$text" "$log" "$started" 9>&- &
    ticker=$!
    "$@" >"$log" 2>&1 9>&- || status=$?
    kill "$ticker" 2>/dev/null || true
    wait "$ticker" 2>/dev/null || true
    if [ "$status" -ne 0 ]; then
        tail -n 30 "$log" >&2
        say "$text: failed with status $status; the whole log is $log"
        return "$status"
    fi
    say "$text: done ($((SECONDS - started)) s)"
    rm -f "$log"
}

# A terminal sees the last line of the log every second, anything else a sign of life per minute. It waits
# by a read that times out: a 'sleep' would outlive it and hold standard output open.
step_ticker() {
    local text=$1 log=$2 started=$3 last pause
    exec {pause}<> <(:)
    if [ -t 2 ]; then
        trap 'printf "\r\033[K" >&2; exit' TERM
        while ! read -r -t 1 -u "$pause"; do
            last=$(tail -c 300 "$log" 2>/dev/null | tr '\r' '\n' | grep -v '^[[:space:]]*$' | tail -n 1 | cut -c1-60) || true
            printf '\r\033[K  %d s  %s' "$((SECONDS - started))" "$last" >&2
        done
    else
        while ! read -r -t 60 -u "$pause"; do
            say "$text: still at it ($((SECONDS - started)) s)"
        done
    fi
}

have() {
    command -v "$1" >/dev/null 2>&1
}

# content_hash PATH...: a name for what the files below the paths hold, whatever their times are.
content_hash() {
    find "$@" -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum | cut -c1-24
}
