# A JDK of version 21 or later: found, or installed where the archive has one. Sourced by ./veridian.

# Sets JAVA_HOME. Looks at files only; starting java to ask its version would cost more than the whole search.
need_jdk() {
    find_jdk && return
    local package
    if have apt-cache; then
        apt_lists
        for package in openjdk-25-jdk-headless openjdk-21-jdk-headless; do
            if jdk_candidate "$package"; then
                need_packages "Java" "$package"
                find_jdk && return
            fi
        done
    fi
    die "no JDK 21 or later found (JAVA_HOME, PATH, /usr/lib/jvm), and this system's archive has none; install one, for instance Temurin 21, and set JAVA_HOME"
}

find_jdk() {
    local home java
    if java=$(command -v java); then
        java=$(readlink -f -- "$java")
        java=${java%/*/*}
    fi
    for home in "${JAVA_HOME:-}" "$java" /usr/lib/jvm/* /opt/jdk* /opt/java/* "${HOME}"/.sdkman/candidates/java/current "${HOME}"/.jdks/*; do
        if jdk_good "$home"; then
            export JAVA_HOME=$home
            return 0
        fi
    done
    return 1
}

# jdk_good HOME: has a compiler and is new enough. The release file says JAVA_VERSION="21.0.4".
jdk_good() {
    [ -n "$1" ] && [ -x "$1/bin/javac" ] && [ -r "$1/release" ] || return 1
    local line version
    while IFS= read -r line; do
        case $line in
            JAVA_VERSION=*)
                version=${line#JAVA_VERSION=}
                version=${version//\"/}
                [ "${version%%[.+-]*}" -ge 21 ] 2>/dev/null
                return
                ;;
        esac
    done <"$1/release"
    return 1
}

# The answer is read to its end: 'grep -q' would close the pipe, and apt-cache then fail by the signal.
jdk_candidate() {
    case $(LC_ALL=C apt-cache policy "$1" 2>/dev/null) in
        *'Candidate: '[0-9]*) ;;
        *) return 1 ;;
    esac
}
