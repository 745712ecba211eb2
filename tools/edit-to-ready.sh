#!/usr/bin/env bash
# How long it takes from an edit of one line of the kernel to init's ready line, and what './veridian boot' adds to what
# it must wait for: tools/edit-to-ready.sh [ARCHITECTURE...]
#
# In a copy of the checkout, alternately: edit and build with Cargo alone; edit and './veridian boot', with QEMU's own time
# taken by a wrapper around it. Prints medians of RUNS (5); status 1 when the tool adds 10 % or more to the sum of the two.
set -euo pipefail
home=$(cd -P -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)
runs=${RUNS:-5}
[ $# -gt 0 ] || set -- x86_64 aarch64 riscv64
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
git clone -q "$home" "$work/veridian"
cd "$work/veridian"
toolchain=$(./veridian doctor 2>/dev/null | sed -n 's/^+ rust .*toolchain in \(.*\): rustc.*/\1\/bin/p')

mkdir "$work/bin"
for arch in x86_64 aarch64 riscv64; do
    cat >"$work/bin/qemu-system-$arch" <<TEXT
#!/usr/bin/env bash
started=\$(date +%s%N)
$(command -v "qemu-system-$arch") "\$@" &
trap 'kill \$!' TERM
wait \$!
status=\$?
echo \$((\$(date +%s%N) - started)) >"$work/qemu"
exit \$status
TEXT
    chmod +x "$work/bin/qemu-system-$arch"
done

# One line of code, each time another.
edit() {
    sed -i "s/^\( *panic!(\"the boot argument 'panic' asks for it\).*\(\");\)/\1 $RANDOM\2/" kernel/src/boot.rs
}

# elapsed COMMAND...: in milliseconds.
elapsed() {
    local started
    started=$(date +%s%N)
    "$@" >"$work/log" 2>&1 || { cat "$work/log" >&2; return 1; }
    echo $((($(date +%s%N) - started) / 1000000))
}

median() {
    sort -n | sed -n "$(((runs + 1) / 2))p"
}

status=0
echo "milliseconds, medians of $runs        cargo    QEMU     sum  ./veridian boot    added"
for arch; do
    ./veridian boot --arch "$arch" >"$work/log" 2>&1 || { tail -n 1 "$work/log" >&2; exit 1; }
    : >"$work/built"
    : >"$work/booted"
    : >"$work/alone"
    for ((i = 0; i < runs; i++)); do
        edit
        (cd kernel && elapsed env PATH="${toolchain:+$toolchain:}$PATH" cargo xtask build --arch "$arch") >>"$work/built"
        edit
        PATH="$work/bin:$PATH" elapsed ./veridian boot --arch "$arch" >>"$work/booted"
        echo $(($(cat "$work/qemu") / 1000000)) >>"$work/alone"
    done
    built=$(median <"$work/built")
    alone=$(median <"$work/alone")
    booted=$(median <"$work/booted")
    added=$(((booted - built - alone) * 1000 / (built + alone)))
    printf '%-32s %8d %7d %7d %16d  %4d.%d %%\n' "$arch" "$built" "$alone" $((built + alone)) "$booted" $((added / 10)) $((${added#-} % 10))
    [ "$added" -lt 100 ] || status=1
done
exit "$status"
