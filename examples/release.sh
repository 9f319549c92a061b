#!/bin/sh
# A pipeline's deploy step: starts the release of a file and ends as the release ends.
#
#   AUTOROLLBACK_URL=https://autorollback.example:9095 release.sh SERVICE FILE
#
# Exit code 0: the candidate is proved. 3: it was rolled back, and why is printed. 5: neither within 26 h, and it may
# still come. 4: the release was refused, e.g. because another one is open. 1 and 2: no daemon, a wrong file.
set -eu
service=$1
file=$2

autorollback release start -f "$file"
code=0
autorollback release wait "$service" --for=proved --timeout=26h || code=$?
case $code in
3) autorollback why "$service" || true ;;
5) autorollback status "$service" || true ;;
esac
exit "$code"
