# Debian packages: what each ability needs, and installing it. Sourced by ./veridian.

PACKAGES_BUILD="gcc libc6-dev"
PACKAGES_RUST="rustc-web cargo-web rust-web-src rustfmt-web rust-web-clippy rust-web-gdb rust-web-analyzer lld-22"
PACKAGES_SCREEN="xvfb xauth openbox x11-utils imagemagick"
PACKAGES_WORKBENCH="libgtk-3-0 libwebkit2gtk-4.1-0 dbus-x11 at-spi2-core adwaita-icon-theme librsvg2-common fonts-dejavu-core"

# qemu_packages [ARCH...]: riscv64 moved to a package of its own in Debian 13.
qemu_packages() {
    local arch
    for arch in "${@:-x86_64 aarch64 riscv64}"; do
        case $arch in
            *x86_64*) echo qemu-system-x86 ;;&
            *aarch64*) echo qemu-system-arm ;;&
            *riscv64*) if apt-cache show qemu-system-riscv >/dev/null 2>&1; then echo qemu-system-riscv; else echo qemu-system-misc; fi ;;
        esac
    done
}

# need_packages WHY PACKAGE...: installs those that are missing, or says the exact command and ends.
need_packages() {
    local why=$1 missing=() package
    shift
    have dpkg-query || return 0
    for package in "$@"; do
        package_installed "$package" || missing+=("$package")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    apt_install "$why" "${missing[@]}"
}

# A package that was renamed (libgtk-3-0t64) is there when something installed provides its old name.
package_installed() {
    local status
    status=$(dpkg-query -W -f '${db:Status-Abbrev}' "$1" 2>/dev/null) || status=
    case $status in ii*) return 0 ;; esac
    status=$(dpkg-query -W -f '${db:Status-Abbrev}' "$1t64" 2>/dev/null) || status=
    case $status in ii*) ;; *) return 1 ;; esac
}

# Sets as_root to what makes a command run as root; status 1 if nothing does.
apt_as_root() {
    as_root=()
    [ "$(id -u)" -ne 0 ] || return 0
    have sudo && { sudo -n true 2>/dev/null || [ -t 0 ]; } && as_root=(sudo)
}

# A system that was just unpacked knows no packages at all; what the archive has can only be asked with its lists.
apt_lists() {
    local as_root
    compgen -G '/var/lib/apt/lists/*_Packages*' >/dev/null && return
    apt_as_root || die "the package lists of this system were never fetched; run as root: apt-get update"
    locked apt step "fetching the package lists" "${as_root[@]}" apt-get update || die "fetching the package lists failed; is the network there?"
}

apt_install() {
    local why=$1 as_root
    shift
    local command="apt-get install -y --no-install-recommends $*"
    apt_as_root || die "$why needs packages that are not installed; run as root: apt-get update && $command"
    have apt-get || die "$why needs these packages of Debian, and this system has no apt-get: $*"
    locked apt step "installing $*" apt_install_now "$@" ||
        die "installing packages failed; try: ${as_root[*]:+sudo }$command"
}

# The package lists are only fetched when a package is not known yet: that alone takes longer than most installs.
apt_install_now() {
    local run=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get)
    if ! apt-cache show "$@" >/dev/null 2>&1; then
        "${run[@]}" update
    fi
    "${run[@]}" install -y --no-install-recommends "$@" || { "${run[@]}" update && "${run[@]}" install -y --no-install-recommends "$@"; }
}
