# A Maven that Tycho accepts, and single artifacts. Sourced by ./veridian.

MAVEN_VERSION=3.9.16
MAVEN_UNPACK=org.apache.maven.plugins:maven-dependency-plugin:3.8.1

# What is missing for a Maven: the system's is enough to fetch a newer one.
maven_packages() {
    have mvn || [ -x "$VERIDIAN_CACHE/maven/apache-maven-$MAVEN_VERSION/bin/mvn" ] || echo maven
}

# Sets MAVEN. The system's is used when Tycho accepts it, else it fetches the pinned one into the cache.
need_maven() {
    local home=$VERIDIAN_CACHE/maven/apache-maven-$MAVEN_VERSION
    need_jdk
    if [ -x "$home/bin/mvn" ]; then
        MAVEN=$home/bin/mvn
    elif have mvn && maven_accepted mvn; then
        MAVEN=$(command -v mvn)
    else
        # shellcheck disable=SC2046
        need_packages "building the IDE" $(maven_packages)
        locked maven bootstrap_maven "$home" || die "fetching Maven $MAVEN_VERSION failed; is the network there? Running it again goes on"
        MAVEN=$home/bin/mvn
    fi
}

# maven_apart FOLDER COMMAND...: away from the checkout, whose extensions an old Maven cannot load.
maven_apart() {
    (cd "$1" && shift && "$@")
}

# Maven 3.9.9 or later with the libraries it was released with: Debian's runs on an older Sisu of its own, which does not
# see components compiled for Java 21, and so none of Tycho's.
maven_accepted() {
    local said version home major minor micro
    said=$(cd / && "$1" -v 2>/dev/null) || return 1
    version=$(sed -n 's/^.*Apache Maven \([0-9.]*\).*$/\1/p' <<<"$said")
    home=$(sed -n 's/^Maven home: //p' <<<"$said")
    IFS=. read -r major minor micro _ <<<"$version"
    [ "${major:-0}" -eq 3 ] && [ "$((${minor:-0} * 100 + ${micro:-0}))" -ge 909 ] && compgen -G "$home/lib/org.eclipse.sisu.inject-*.jar" >/dev/null
}

# Beside its final place first, so that a broken download never looks complete. The zip loses the run bit.
bootstrap_maven() {
    local home=$1 new
    [ ! -x "$home/bin/mvn" ] || return 0
    new=$(mktemp -d "$VERIDIAN_CACHE/maven-XXXXXX")
    step "fetching Maven $MAVEN_VERSION" maven_apart "$new" mvn -q -B "$MAVEN_UNPACK:unpack" \
        "-Dartifact=org.apache.maven:apache-maven:$MAVEN_VERSION:zip:bin" "-DoutputDirectory=$new" || { rm -rf "$new"; return 1; }
    chmod +x "$new/apache-maven-$MAVEN_VERSION/bin/mvn"
    mkdir -p "$(dirname -- "$home")"
    mv "$new/apache-maven-$MAVEN_VERSION" "$home"
    rm -rf "$new"
}

# need_artifact GROUP:NAME:VERSION: sets ARTIFACT to the jar in the cache. Any Maven can copy one.
need_artifact() {
    local coordinates=$1 name version
    name=${coordinates#*:}
    version=${name#*:}
    name=${name%%:*}
    ARTIFACT=$VERIDIAN_CACHE/lib/$name-$version.jar
    [ ! -f "$ARTIFACT" ] || return 0
    need_maven
    locked "lib-$name" fetch_artifact "$coordinates" || die "fetching $coordinates failed; is the network there? Running it again goes on"
}

fetch_artifact() {
    local coordinates=$1 new
    [ ! -f "$ARTIFACT" ] || return 0
    mkdir -p "$VERIDIAN_CACHE/lib"
    new=$(mktemp -d "$VERIDIAN_CACHE/lib/XXXXXX")
    step "fetching $coordinates" maven_apart "$new" "$MAVEN" -q -B "$MAVEN_UNPACK:copy" "-Dartifact=$coordinates" "-DoutputDirectory=$new" || { rm -rf "$new"; return 1; }
    mv "$new/$(basename -- "$ARTIFACT")" "$ARTIFACT"
    rm -rf "$new"
}
