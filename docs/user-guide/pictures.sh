#!/usr/bin/env bash
# Takes the pictures of the user guide anew, with the real IDE, kernel and QEMU on a virtual screen: docs/user-guide/pictures.sh
# Needs what './veridian test' needs; MVN and JAVA_HOME name Maven and the JDK where they are not on PATH.
set -euo pipefail
home=$(cd -P -- "$(dirname -- "${BASH_SOURCE[0]}")/../.." && pwd)
cd "$home"

# take KIND SCREEN-SIZE JAVA-OPTIONS [VARIABLE=VALUE...]
take() {
    local kind=$1 screen=$2 options=$3
    shift 3
    # shellcheck disable=SC2016
    env "$@" xvfb-run -a -s "-screen 0 ${screen}x24 -nolisten tcp" bash -c '
        openbox >/dev/null 2>&1 &
        manager=$!
        status=0
        "$@" || status=$?
        kill "$manager" 2>/dev/null
        exit "$status"' _ \
        "${MVN:-mvn}" verify -pl plugins/org.veridianos.ide.ui.tests,plugins/org.veridianos.views.ui.tests -am -Dtest=GuidePictures,ViewPictures -DfailIfNoTests=false -Dveridian.restart.skip=true \
        "-Dveridian.pictures=$home/docs/user-guide/images" "-Dveridian.pictures.kind=$kind" "-Dveridian.workbench.options=$options"
}

take light 1400x860 ""
take dark 1400x860 ""
take double 2800x1720 "-Dswt.autoScale=200" GDK_SCALE=2
