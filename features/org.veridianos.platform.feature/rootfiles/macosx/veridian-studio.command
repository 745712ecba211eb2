#!/bin/sh
# Starts Veridian Studio with the Java launcher; the native Equinox launcher is not on Maven Central.
here=$(cd "$(dirname "$0")" && pwd)
java=${VERIDIAN_JAVA:-${JAVA_HOME:+$JAVA_HOME/bin/java}}
launcher=
for jar in "$here"/plugins/org.eclipse.equinox.launcher_*.jar; do launcher=$jar; done
vmargs=$(sed -n '/^-vmargs$/,$p' "$here/eclipse.ini" | sed 1d)
arch=$(uname -m)
[ "$arch" = arm64 ] && arch=aarch64
while :; do
	# shellcheck disable=SC2086
	"${java:-java}" -XstartOnFirstThread $vmargs -jar "$launcher" -os macosx -ws cocoa -arch "$arch" -name "Veridian Studio" "$@"
	rc=$?
	[ $rc -eq 23 ] || [ $rc -eq 24 ] || exit $rc
done
