# './veridian test': every test there is, and one truthful sum. Sourced by ./veridian.
#
# A stage is a function stage_NAME that runs one runner and leaves its output in a log; count_NAME reads from the log
# how many tests passed and failed. A runner that fails without naming a failed test counts as one failure, so that
# nothing that went wrong adds up to success.

TEST_STAGES="unit lines check host ktest bench boot workbench"
# These take longer than everything else together: with --soak, or by name.
TEST_LONG_STAGES="sanitize mutants"

test_help() {
    cat <<'TEXT'
Usage: ./veridian test [--soak] [STAGE...]

Runs every test, installs what that needs, and ends with 'N passed, N failed'. Status 0 when none failed.

  --soak   the long checks at full length

Stages, in order; naming some runs only those:
  unit       JUnit tests of the plain bundles, and of machines with real QEMU processes
  lines      the kernel's size
  check      the kernel's formatting and lints
  host       the kernel's tests on the host, and models of its lock-free code in every order (loom)
  ktest      the kernel's tests in QEMU: three architectures, 1 and 4 CPUs; memory with NUMA nodes and in three zones
  bench      executed instructions of every operation, against kernel/tests/baseline
  boot       boots: CPUs, memory, CPU models, exit statuses, bad input
  workbench  the IDE: its build, its tests on a virtual screen, its update site
  sanitize   the host tests under AddressSanitizer, or valgrind where there is no nightly toolchain
             (only with --soak or by name)
  mutants    broken kernels, each of which the tests must catch (only with --soak or by name)
TEXT
}

test_command() {
    local stages=() stage started=$SECONDS
    VERIDIAN_SOAK=
    while [ $# -gt 0 ]; do
        case $1 in
            --help | -h) test_help; return ;;
            --soak) VERIDIAN_SOAK=1 ;;
            *)
                case " $TEST_STAGES $TEST_LONG_STAGES " in
                    *" $1 "*) stages+=("$1") ;;
                    *) die "unknown stage '$1': use one of $TEST_STAGES $TEST_LONG_STAGES" ;;
                esac
                ;;
        esac
        shift
    done
    export VERIDIAN_SOAK
    # shellcheck disable=SC2206
    [ ${#stages[@]} -gt 0 ] || stages=($TEST_STAGES ${VERIDIAN_SOAK:+$TEST_LONG_STAGES})

    need_jdk
    # shellcheck disable=SC2046,SC2086
    need_packages "testing" $(rust_packages) $(maven_packages) git $(qemu_packages x86_64 aarch64 riscv64) gdb-multiarch $PACKAGES_SCREEN $PACKAGES_WORKBENCH
    need_rust
    need_maven
    build_cli

    TEST_LOGS=$VERIDIAN_CACHE/logs/test-$$
    mkdir -p "$TEST_LOGS"
    PASSED=0
    FAILED=0
    FAILED_STAGES=
    for stage in "${stages[@]}"; do
        run_stage "$stage"
    done
    say "everything took $(((SECONDS - started) / 60)) min $(((SECONDS - started) % 60)) s; the logs are in $TEST_LOGS"
    [ -z "$FAILED_STAGES" ] || say "failed:$FAILED_STAGES"
    printf '%d passed, %d failed\n' "$PASSED" "$FAILED"
    [ "$FAILED" -eq 0 ]
}

run_stage() {
    local stage=$1 log=$TEST_LOGS/$1.log status=0 started=$SECONDS passed failed
    printf '\n== %s\n' "$stage"
    # In a subshell, so that 'die' inside ends the stage, not the run.
    (set -e; "stage_$stage") 2>&1 | tee "$log" || status=${PIPESTATUS[0]}
    read -r passed failed < <("count_$stage" "$log") || true
    passed=${passed:-0}
    failed=${failed:-0}
    if [ "$status" -ne 0 ] && [ "$failed" -eq 0 ]; then
        failed=1
    elif [ "$status" -eq 0 ] && [ "$passed" -eq 0 ]; then
        echo "no test ran"
        failed=$((failed + 1))
    fi
    printf '== %s: %d passed, %d failed (%d s)\n' "$stage" "$passed" "$failed" "$((SECONDS - started))"
    PASSED=$((PASSED + passed))
    FAILED=$((FAILED + failed))
    [ "$failed" -eq 0 ] || FAILED_STAGES="$FAILED_STAGES $stage"
}

# cargo_here WORD...: the kernel's cargo, as the builder starts it.
cargo_here() {
    (cd "$VERIDIAN_HOME/kernel" && env -u RUSTUP_TOOLCHAIN -u RUSTC PATH="$VERIDIAN_RUST:$PATH" cargo "$@")
}

stage_unit() {
    run_junit "$TEST_LOGS/unit" --exclude-tag boot
}

count_unit() {
    count_junit "$TEST_LOGS/unit"
}

stage_boot() {
    run_junit "$TEST_LOGS/boot" --include-tag boot
}

count_boot() {
    count_junit "$TEST_LOGS/boot"
}

# JUnit and surefire write the same XML: <testsuite … tests="5" skipped="0" failures="1" errors="0" …>.
count_junit() {
    find "$@" -name 'TEST-*.xml' -exec grep -ho '<testsuite [^>]*>' {} + 2>/dev/null | awk '
        function attribute(name) { return match($0, " " name "=\"[0-9]+\"") ? substr($0, RSTART + length(name) + 3, RLENGTH - length(name) - 4) + 0 : 0 }
        { bad = attribute("failures") + attribute("errors"); failed += bad; passed += attribute("tests") - bad - attribute("skipped") }
        END { print passed + 0, failed + 0 }'
}

stage_lines() {
    cargo_here xtask lines
}

count_lines() {
    count_one
}

# The one test that a stage is, by its status.
count_one() {
    if [ "$status" -eq 0 ]; then echo 1 0; else echo 0 1; fi
}

stage_check() {
    cargo_here xtask check
}

count_check() {
    count_one
}

# Apart from 'check', which ends at the first thing that is not clean.
stage_host() {
    local failed=0
    cargo_here test --package veridian-kernel --lib || failed=1
    RUSTFLAGS="--cfg loom" CARGO_TARGET_DIR=target/loom cargo_here test --package veridian-kernel --lib --release loom || failed=1
    cargo_here test --package xtask || failed=1
    return "$failed"
}

count_host() {
    awk '/^test result:/ { passed += $4; failed += $6 } END { print passed + 0, failed + 0 }' "$1"
}

# AddressSanitizer needs its runtime, which comes with a nightly toolchain of rustup; valgrind is a package.
stage_sanitize() {
    local target=x86_64-unknown-linux-gnu
    if rustup run nightly rustc --version > /dev/null 2>&1; then
        (cd "$VERIDIAN_HOME/kernel" && env -u RUSTC RUSTFLAGS=-Zsanitizer=address CARGO_TARGET_DIR=target/sanitize \
            rustup run nightly cargo test --target "$target" --package veridian-kernel --lib)
    else
        need_packages "checking memory accesses" valgrind
        CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_RUNNER="valgrind --quiet --error-exitcode=1" PROPTEST_CASES=4 CAP_STRESS=500 \
            cargo_here test --target "$target" --package veridian-kernel --lib
    fi
}

count_sanitize() {
    count_host "$1"
}

stage_mutants() {
    cargo_here xtask mutants
}

count_mutants() {
    awk '/^[0-9]+ caught, [0-9]+ not caught$/ { print $1, $3 }' "$1"
}

ktest_once() {
    "$VERIDIAN_HOME/veridian" ktest "$@" || {
        echo "-- run failed"
        return 1
    }
}

# Each run ends with its own sum; one that ends without is a failure.
stage_ktest() {
    local arch cpus nodes failed=0
    for arch in x86_64 aarch64 riscv64; do
        for cpus in 1 4; do
            echo "-- $arch, $cpus CPUs"
            ktest_once --arch "$arch" --cpus "$cpus" ${VERIDIAN_SOAK:+--kernel-arg test.soak} || failed=1
        done
        echo "-- $arch, zones of 6 GiB, 2 CPUs"
        ktest_once --arch "$arch" --cpus 2 --memory 6G zone || failed=1
        for nodes in 2 4; do
            # QEMU 7.2 ends with an error of its own about the interrupt controllers of more than two RISC-V nodes.
            [ "$arch-$nodes" != riscv64-4 ] || continue
            echo "-- $arch, $nodes nodes, 4 CPUs"
            ktest_once --arch "$arch" --cpus 4 --nodes "$nodes" --memory 512M mm::ktests || failed=1
        done
    done
    return "$failed"
}

count_ktest() {
    awk '/^[0-9]+ passed, [0-9]+ failed$/ { passed += $1; failed += $3; summed = 1; bad = $3 }
        /^-- .* CPUs$/ { summed = 0; bad = 0 }
        /^-- run failed$/ { if (!summed || !bad) failed++ }
        END { print passed + 0, failed + 0 }' "$1"
}

# A count that grew is refreshed on purpose: './veridian bench --arch A --update'.
stage_bench() {
    local arch failed=0
    for arch in x86_64 aarch64 riscv64; do
        echo "-- $arch, 1 CPUs"
        if ! "$VERIDIAN_HOME/veridian" bench --arch "$arch" --check; then
            failed=1
            echo "-- run failed"
        fi
    done
    return "$failed"
}

count_bench() {
    count_ktest "$1"
}

# Reports of an earlier run must not be counted.
stage_workbench() {
    find "$VERIDIAN_HOME/plugins" "$VERIDIAN_HOME/releng" -path '*/target/surefire-reports/*' -delete
    (cd "$VERIDIAN_HOME" && with_screen "$MAVEN" verify ${VERIDIAN_SOAK:+-Dveridian.soak=true} | grep -v 'sha-1'; exit "${PIPESTATUS[0]}")
}

count_workbench() {
    count_junit "$VERIDIAN_HOME/plugins" "$VERIDIAN_HOME/releng"
}
