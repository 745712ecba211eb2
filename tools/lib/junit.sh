# Plain JUnit tests of the plain bundles: on a class path, without Eclipse, in seconds. Sourced by ./veridian.

JUNIT=org.junit.platform:junit-platform-console-standalone:1.14.1

# run_junit REPORTS WORD...: compiles plugins/<plain>.tests and runs what WORDs (options of the console launcher) select.
run_junit() {
    local reports=$1 work bundle sources=() status=0
    shift
    need_jdk
    build_cli
    need_artifact "$JUNIT"
    work=$(mktemp -d)
    for bundle in kernel $CLI_BUNDLES; do
        [ ! -d "$VERIDIAN_HOME/plugins/org.veridianos.$bundle.tests/src" ] || sources+=("$VERIDIAN_HOME/plugins/org.veridianos.$bundle.tests/src")
    done
    sources+=("$VERIDIAN_HOME/plugins/org.veridianos.kernel/src")
    find "${sources[@]}" -name '*.java' >"$work/sources"
    if "$JAVA_HOME/bin/javac" --release 21 -nowarn -d "$work/classes" -cp "$CLI_HOME/veridian.jar:$CLI_GSON:$ARTIFACT" "@$work/sources"; then
        "$JAVA_HOME/bin/java" -XX:+UseSerialGC "-Dveridian.home=$VERIDIAN_HOME" -jar "$ARTIFACT" execute \
            -cp "$work/classes:$CLI_HOME/veridian.jar:$CLI_GSON" --scan-class-path="$work/classes" --details=testfeed --disable-banner \
            --disable-ansi-colors --reports-dir="$reports" "$@" || status=$?
    else
        status=1
    fi
    rm -rf "$work"
    return "$status"
}
