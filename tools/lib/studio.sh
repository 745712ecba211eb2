# './veridian studio': from whatever the machine has to a kernel running in the IDE. Sourced by ./veridian.

studio_help() {
    cat <<'TEXT'
Usage: ./veridian studio [--arch x86_64|aarch64|riscv64] [--headless --screenshot FILE]

Installs what is missing, builds the kernel and the IDE, and opens the IDE on the checkout's kernel, built
and booted. What is up to date is not built again.

  --arch A           the machine to boot (x86_64)
  --headless         on a virtual screen, without a display
  --screenshot FILE  writes a picture of the window once the guest is ready, and ends
  --workspace DIR    where the IDE keeps its state (~/veridian-workspace)
TEXT
}

studio_command() {
    local arch=x86_64 headless= screenshot= workspace=$HOME/veridian-workspace
    while [ $# -gt 0 ]; do
        case $1 in
            --help | -h) studio_help; return ;;
            --headless) headless=yes ;;
            --arch | --screenshot | --workspace)
                [ $# -ge 2 ] || die "$1 needs a value; './veridian studio --help' explains"
                case $1 in --arch) arch=$2 ;; --screenshot) screenshot=$2 ;; --workspace) workspace=$2 ;; esac
                shift
                ;;
            *) die "unknown option '$1'; './veridian studio --help' explains" ;;
        esac
        shift
    done
    case $arch in x86_64 | aarch64 | riscv64) ;; *) die "unknown architecture '$arch': use one of x86_64, aarch64, riscv64" ;; esac
    if [ -n "$headless" ]; then
        [ -n "$screenshot" ] || die "--headless needs --screenshot FILE: there is nothing to see otherwise"
        screenshot=$(realpath -m -- "$screenshot")
        mkdir -p "$(dirname -- "$screenshot")" && [ -w "$(dirname -- "$screenshot")" ] || die "cannot write $screenshot"
    elif [ -z "${DISPLAY:-}${WAYLAND_DISPLAY:-}" ]; then
        die "no display (DISPLAY is not set); './veridian studio --headless --screenshot FILE' needs none"
    fi

    need_jdk
    # All at once: who has to ask somebody for packages wants to ask once.
    # shellcheck disable=SC2046,SC2086
    need_packages "the IDE" $(rust_packages) $(maven_packages) git $(qemu_packages x86_64 aarch64 riscv64) gdb-multiarch $PACKAGES_WORKBENCH ${headless:+$PACKAGES_SCREEN}
    need_rust
    need_maven
    build_product
    step "building the kernel for $arch" "$VERIDIAN_HOME/veridian" build --arch "$arch" || exit 1
    if [ -n "$headless" ]; then
        studio_picture "$arch" "$screenshot"
    else
        run_product -data "$workspace" -- "-Dveridian.open=$VERIDIAN_HOME/kernel" "-Dveridian.boot=$arch"
    fi
}

# What the product is made of: everything that is not ignored, tracked or not.
product_hash() {
    (
        cd "$VERIDIAN_HOME"
        if [ -e .git ]; then
            git ls-files -co --exclude-standard -z -- plugins features product site releng pom.xml .mvn qemu-launch kernel docs
        else
            find plugins features product site releng pom.xml .mvn qemu-launch kernel docs -name target -prune -o -type f -print0
        fi | LC_ALL=C sort -z | { xargs -0 sha256sum 2>/dev/null || true; }
    ) | sha256sum | cut -c1-24
}

# Sets PRODUCT to the folder of the unpacked IDE, built when its sources have changed.
build_product() {
    local hash
    hash=$(product_hash)
    PRODUCT=$VERIDIAN_CACHE/studio/$hash
    [ -f "$PRODUCT/complete" ] || locked studio make_product || die "the IDE does not build"
}

# The IDE runs from the cache, so that a later build does not pull its files away.
make_product() {
    local made
    [ ! -f "$PRODUCT/complete" ] || return 0
    step "building the IDE" maven_quiet package -DskipTests || return 1
    made=$(find "$VERIDIAN_HOME/product/target/products" -path '*/linux/gtk/*' -name eclipse.ini -printf '%h\n' -quit)
    [ -n "$made" ] || { say "the build made no product for Linux"; return 1; }
    mkdir -p "$VERIDIAN_CACHE/studio"
    find "$VERIDIAN_CACHE/studio" -mindepth 1 -maxdepth 1 -mtime +7 -exec rm -rf {} +
    rm -rf "$PRODUCT"
    cp -r "$made" "$PRODUCT"
    : >"$PRODUCT/complete"
}

# Hundreds of lines about digests say nothing.
maven_quiet() {
    (cd "$VERIDIAN_HOME" && "$MAVEN" "$@") | grep -v 'sha-1'
    return "${PIPESTATUS[0]}"
}

# run_product WORD... -- JAVA-OPTION...: until it is closed; 23 and 24 ask for a restart.
run_product() {
    local words=() options=() line status launcher
    while [ "$1" != -- ]; do
        words+=("$1")
        shift
    done
    shift
    while IFS= read -r line; do
        options+=("$line")
    done < <(sed -n '/^-vmargs$/,$p' "$PRODUCT/eclipse.ini" | sed 1d)
    launcher=$(compgen -G "$PRODUCT/plugins/org.eclipse.equinox.launcher_*.jar")
    while :; do
        status=0
        "$JAVA_HOME/bin/java" "${options[@]}" "$@" -jar "$launcher" -os linux -ws gtk -arch "$(uname -m)" -name "Veridian Studio" -showsplash "${words[@]}" || status=$?
        [ "$status" -eq 23 ] || [ "$status" -eq 24 ] || return "$status"
    done
}

# with_screen COMMAND...: on a virtual screen of its own with a window manager.
with_screen() {
    # shellcheck disable=SC2016
    NO_AT_BRIDGE=1 GTK_THEME="${GTK_THEME:-Adwaita}" xvfb-run -a -s "-screen 0 1440x900x24 -nolisten tcp" bash -c '
        openbox >/dev/null 2>&1 &
        manager=$!
        status=0
        "$@" || status=$?
        kill "$manager" 2>/dev/null
        exit "$status"' _ "$@"
}

studio_picture() {
    local arch=$1 screenshot=$2 workspace status=0 log
    workspace=$(mktemp -d)
    log=$workspace/.metadata/.log
    rm -f "$screenshot"
    export PRODUCT VERIDIAN_HOME JAVA_HOME
    step "starting the IDE and booting $arch in it" timeout 600 bash -c "$(declare -f with_screen); with_screen \"\$@\"" _ \
        bash -c "$(declare -f run_product); run_product \"\$@\"" _ -data "$workspace" -nosplash -- "-Dveridian.open=$VERIDIAN_HOME/kernel" "-Dveridian.boot=$arch" "-Dveridian.screenshot=$screenshot" ||
        status=$?
    if [ ! -s "$screenshot" ]; then
        [ ! -f "$log" ] || grep -A 3 '^!ENTRY' "$log" | tail -n 40 >&2
        rm -rf "$workspace"
        die "the IDE wrote no picture (status $status)"
    fi
    rm -rf "$workspace"
    say "the picture is $screenshot"
}
