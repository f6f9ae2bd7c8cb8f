#!/usr/bin/env bash
# usage: tests/packaging/install.sh PACKAGE.deb   (as root)
# Installs, upgrades, removes and purges the package on a copy of this machine's root that ends with the script, and runs the
# program from it as its user. What the machine lacks for it is told by dpkg.
set -euo pipefail
package=$(realpath "$1")
if [ $# -eq 1 ]; then
  top=$(mktemp -d)
  status=0
  unshare --mount "$0" "$package" "$top" || status=$?
  rmdir "$top"
  exit "$status"
fi

top=$2
mount -t tmpfs tmpfs "$top"
mkdir "$top"/{upper,work,root}
mount -t overlay overlay -o "lowerdir=/,upperdir=$top/upper,workdir=$top/work" "$top/root"
mount --bind /proc "$top/root/proc"
mount --bind /dev "$top/root/dev"
cp "$package" "$top/root/package.deb"
in_root() { chroot "$top/root" "$@"; }
expect() { [ "$2" = "$3" ] || { echo "$1: $2, but expected $3" >&2; exit 1; }; }
# "! COMMAND" and "A && B" do not end a script that fails: set -e looks away there.
refuse() { if "${@:2}"; then echo "$1" >&2; exit 1; fi; }
rights() { in_root stat -c '%a %U:%G' "$1"; }

in_root dpkg -i /package.deb
expect "configuration" "$(rights /etc/myoflag/myoflag.yaml)" "640 root:myoflag"
expect "secrets" "$(rights /etc/myoflag/environment)" "600 root:root"
expect "folder of the configuration" "$(rights /etc/myoflag)" "750 root:myoflag"
expect "state" "$(rights /var/lib/myoflag)" "700 myoflag:myoflag"
expect "what is not as it was installed" "$(in_root dpkg --verify myoflag | grep -v ' c ' || true)" ""

# As the user of the service: what it may read and what not.
as_service() { in_root runuser -u myoflag -- "$@"; }
as_service test -r /etc/myoflag/myoflag.yaml
refuse "the service reads the secrets" as_service test -r /etc/myoflag/environment
status=0
as_service myoflag serve --config /etc/myoflag/myoflag.yaml 2>"$top/said" || status=$?
expect "a start without trust" "$status" 2
grep -q MF-4240 "$top/said"
status=0
as_service sh -c 'cd /var/lib/myoflag && exec timeout --preserve-status -s TERM 5 myoflag serve --demo --port 0' 2>"$top/said" || status=$?
grep -q "Listening on" "$top/said"
expect "a demo that was asked to end" "$status" 0

# An upgrade keeps what the administrator changed, and asks nobody.
echo "# ours" >>"$top/root/etc/myoflag/myoflag.yaml"
in_root chmod 0600 /etc/myoflag/myoflag.yaml
touch "$top/root/var/lib/myoflag/outbox.sqlite"
in_root dpkg -i /package.deb </dev/null
grep -q "^# ours$" "$top/root/etc/myoflag/myoflag.yaml"
expect "rights after an upgrade" "$(rights /etc/myoflag/myoflag.yaml)" "600 root:myoflag"

in_root dpkg -r myoflag
[ -e "$top/root/etc/myoflag/myoflag.yaml" ]
[ ! -e "$top/root/usr/bin/myoflag" ]
in_root dpkg -P myoflag 2>"$top/said"
grep -q "holds patient data" "$top/said"
[ ! -e "$top/root/etc/myoflag/myoflag.yaml" ]
[ -e "$top/root/var/lib/myoflag/outbox.sqlite" ]
echo "installed, run, upgraded, removed and purged"
