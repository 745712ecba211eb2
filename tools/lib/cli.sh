# The Java command line: compiled once per content of its sources, started without Maven. Sourced by ./veridian.

GSON=com.google.code.gson:gson:2.15.0

# The plain bundles that the command line consists of; those that exist are compiled together.
CLI_BUNDLES="build machine inspect trace rsp cli"

# cli_command COMMAND WORD...: never returns.
cli_command() {
    local command=$1 flags saved
    shift
    if [ "$command" = doctor ] && ! find_jdk; then
        doctor_without_java
    fi
    need_jdk
    case " $* " in
        *" --help "* | *" -h "*) ;;
        *)
            case $command in
                build | boot | ktest | bench)
                    find_rust || true
                    # shellcheck disable=SC2046
                    need_packages "'$command'" $(rust_packages) $(library_packages) $(qemu_packages_for "$command" "$@")
                    need_rust
                    ;;
            esac
            ;;
    esac
    build_cli
    flags=(-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Xshare:auto -Xlog:disable -Xlog:all=off "$(class_archive "$command")")
    # A measurement wants the whole compiler; everything else wants a quick start.
    [ "$command ${1:-}" != "inspect --scale" ] || flags=(-Xmx3g)
    [ ! -t 2 ] || flags+=(-Dveridian.terminal=true)
    case "$command $* " in
        "boot "*" --interactive "*)
            # Keys go to the guest as they are typed, so the terminal itself must not act on them.
            if [ -t 0 ]; then
                saved=$(stty -g)
                trap 'stty "$saved"' EXIT
                stty raw -echo
                run_cli "$command" "$@"
                exit
            fi
            ;;
    esac
    exec_cli=exec
    run_cli "$command" "$@"
}

# class_archive COMMAND: the flag for the archive of loaded classes that fits the command best. What 'boot' alone loads is
# recorded by the first one that runs to its end; a later start puts that record in place once its writer has ended, if
# it is whole.
class_archive() {
    local archive=$CLI_HOME/boot.jsa new
    if [ "$1" != boot ] || [ -f "$archive" ]; then
        [ "$1" = boot ] || archive=$CLI_HOME/cli.jsa
        echo "-XX:SharedArchiveFile=$archive"
        return
    fi
    for new in "$archive".*; do
        if [ ! -f "$new" ]; then
            continue
        elif [ -d "/proc/${new##*.}" ]; then
            break
        elif "$JAVA_HOME/bin/java" -XX:+UseSerialGC -Xshare:on -XX:+VerifySharedSpaces "-XX:SharedArchiveFile=$new" -cp "$CLI_HOME/veridian.jar:$CLI_GSON" \
            --version >/dev/null 2>&1 && mv "$new" "$archive"; then
            echo "-XX:SharedArchiveFile=$archive"
            return
        fi
        rm -f "$new"
    done
    if [ -f "${new-}" ]; then
        echo "-XX:SharedArchiveFile=$CLI_HOME/cli.jsa"
    else
        echo "-XX:ArchiveClassesAtExit=$archive.$$"
    fi
}

run_cli() {
    ${exec_cli:-} "$JAVA_HOME/bin/java" "${flags[@]}" "-Dveridian.home=$VERIDIAN_HOME" -cp "$CLI_HOME/veridian.jar:$CLI_GSON" org.veridianos.cli.Main "$@"
}

# The doctor of the Java side needs Java; the first patient is Java itself.
doctor_without_java() {
    local tool
    echo "- java                 missing; a JDK 21 or later is needed (Debian 13: apt-get install openjdk-21-jdk-headless; Debian 12: install one, for instance Temurin 21, and set JAVA_HOME)"
    for tool in cc:gcc git:git qemu-system-x86_64:qemu-system-x86 qemu-system-aarch64:qemu-system-arm qemu-system-riscv64:qemu-system-misc gdb-multiarch:gdb-multiarch Xvfb:xvfb; do
        if have "${tool%%:*}"; then
            printf '+ %-20s %s\n' "${tool%%:*}" "$(command -v "${tool%%:*}")"
        else
            printf -- '- %-20s missing; apt-get install %s\n' "${tool%%:*}" "${tool#*:}"
        fi
    done
    if find_rust; then
        printf '+ %-20s %s\n' rust "$VERIDIAN_RUST"
    else
        printf -- "- %-20s missing; './veridian build' lays it out in your cache\n" rust
    fi
    die "something that is needed is missing; see the lines marked with - above"
}

# Sets CLI_HOME to the folder of the compiled command line and CLI_GSON to its one library.
build_cli() {
    local bundle sources=() version
    for bundle in $CLI_BUNDLES; do
        [ ! -d "$VERIDIAN_HOME/plugins/org.veridianos.$bundle/src" ] || sources+=("$VERIDIAN_HOME/plugins/org.veridianos.$bundle")
    done
    need_artifact "$GSON"
    CLI_GSON=$ARTIFACT
    cli_version "${sources[@]}"
    CLI_HOME=$VERIDIAN_CACHE/cli/$version
    [ -f "$CLI_HOME/veridian.jar" ] || locked cli compile_cli "${sources[@]}" || die "the command line does not compile"
}

# Sets version. What the files hold is only looked at when one of them has another time or size than when it was last.
cli_version() {
    local seen
    seen=$VERIDIAN_CACHE/cli/seen-$(find -L "$JAVA_HOME/release" "$@" -name target -prune -o -type f -printf '%p %s %T@\n' | cksum | tr ' ' -)
    if ! read -r version 2>/dev/null <"$seen"; then
        version=$(cli_hash "$@")
        mkdir -p "${seen%/*}"
        echo "$version" >"$seen.$$" && mv "$seen.$$" "$seen"
    fi
}

# Sources, resources and the JDK (its class data archive fits no other one).
cli_hash() {
    local folders=() source
    for source in "$@"; do
        folders+=("$source/src")
        [ ! -d "$source/resources" ] || folders+=("$source/resources")
    done
    { content_hash -L "${folders[@]}" && echo "$JAVA_HOME" && cat "$JAVA_HOME/release"; } | sha256sum | cut -c1-24
}

compile_cli() {
    local new source classes jar=veridian.jar
    [ ! -f "$CLI_HOME/$jar" ] || return 0
    mkdir -p "$VERIDIAN_CACHE/cli"
    find "$VERIDIAN_CACHE/cli" -mindepth 1 -maxdepth 1 -mtime +14 -exec rm -rf {} +
    new=$(mktemp -d "$VERIDIAN_CACHE/cli/new-XXXXXX")
    classes=$new/classes
    mkdir -p "$classes"
    find "${@/%//src}" -name '*.java' >"$new/sources"
    if ! "$JAVA_HOME/bin/javac" --release 21 -nowarn -d "$classes" -cp "$CLI_GSON" "@$new/sources"; then
        rm -rf "$new"
        return 1
    fi
    for source in "$@"; do
        [ ! -d "$source/resources" ] || cp -rL "$source/resources/." "$classes"
    done
    "$JAVA_HOME/bin/jar" --create --file "$new/$jar" -C "$classes" .
    rm -rf "$classes"
    mv "$new" "$CLI_HOME"
    # The archive holds the classes as loaded, which halves the start; without it everything works the same.
    "$JAVA_HOME/bin/java" -XX:ArchiveClassesAtExit="$CLI_HOME/cli.jsa" -XX:+UseSerialGC -Xlog:disable -Xlog:all=off \
        "-Dveridian.home=$VERIDIAN_HOME" -cp "$CLI_HOME/$jar:$CLI_GSON" org.veridianos.cli.Main sessions --json >/dev/null 2>&1 || true
}

# Maven is only there to fetch the library, once.
library_packages() {
    local name=${GSON#*:}
    [ -f "$VERIDIAN_CACHE/lib/${name/:/-}.jar" ] || maven_packages
}

# The package of the QEMU that the words ask for, when it is missing. A mistake in them is left to the command to explain.
qemu_packages_for() {
    local command=$1 arch= word previous=
    [ "$command" != build ] || return 0
    for word in "$@"; do
        [ "$previous" != --arch ] || arch=$word
        case $word in --arch=*) arch=${word#--arch=} ;; --) break ;; esac
        previous=$word
    done
    case $arch in
        x86_64 | aarch64 | riscv64) have "qemu-system-$arch" || qemu_packages "$arch" ;;
    esac
}
