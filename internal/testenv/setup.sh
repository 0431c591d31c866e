#!/bin/sh
# Sees to what gatefold's build and tests need beside Go, from the distribution's packages (Debian, Ubuntu):
#
#     setup.sh [make] [gcc] [postgresql] [mariadb] [ssh] [compat] [clickhouse]     (none named: gcc postgresql mariadb ssh)
#
# compat is other people's software that `make compat` runs directly and through the gateway; clickhouse is npm, which
# `make test-clickhouse` fetches the ClickHouse engine with, and the distribution's old server, for its native protocol.
#
# With everything there it does nothing and needs no rights. Else it installs as root, or by sudo where that asks
# no password, and otherwise says what to install. It starts no server and makes no cluster of the machine's own; MariaDB's
# package makes its empty data folder, and is not started at boot.
set -eu

say() { echo "set-up: $*"; }
die() { echo "set-up: $*" >&2; exit 1; }

wanted="${*:-gcc postgresql mariadb ssh}"
mod="$(dirname "$0")/../../go.mod"

# check_go compares go's version, after a toolchain switch, with go.mod's.
check_go() {
	[ -f "$mod" ] || return 0 # run by a Go program, from elsewhere
	need=$(sed -n 's/^go \([0-9.]*\).*/\1/p' "$mod")
	command -v go >/dev/null || die "Go is missing: install go $need or newer from https://go.dev/dl/ and put it on PATH"
	have=$(cd "$(dirname "$mod")" && go env GOVERSION 2>&1 | sed -n 's/^go\([0-9][0-9.]*\).*/\1/p') || true
	[ -n "$have" ] || die "$(go version 2>/dev/null || echo this Go) can't become go $need: install it from https://go.dev/dl/"
	oldest=$(printf '%s\n%s\n' "$need" "$have" | sort -V | head -n 1)
	[ "$oldest" = "$need" ] || die "go $have is older than go.mod's $need: install that or newer from https://go.dev/dl/"
}

has_gcc() {
	printf '#include <stdlib.h>\nint main(void) { return 0; }\n' | ${CC:-gcc} -x c -o /dev/null - 2>/dev/null
}

has_program() {
	if [ -n "${GATEFOLD_PG_BIN:-}" ]; then
		[ -x "$GATEFOLD_PG_BIN/$1" ] || die "GATEFOLD_PG_BIN is $GATEFOLD_PG_BIN, and there is no $1 in it"
		return 0
	fi
	for dir in /usr/lib/postgresql/*/bin /usr/pgsql-*/bin; do
		[ -x "$dir/$1" ] && return 0
	done
	command -v "$1" >/dev/null
}

has_postgresql() {
	for p in initdb postgres psql pgbench; do has_program $p || return 1; done
}

has_mariadb() {
	if [ -n "${GATEFOLD_MARIADB_BIN:-}" ]; then
		path=$GATEFOLD_MARIADB_BIN
	else
		path=/usr/bin:/usr/sbin:$PATH
	fi
	for p in mariadbd mariadb-install-db mariadb; do
		(PATH=$path && command -v $p >/dev/null) || return 1
	done
	[ -n "${GATEFOLD_MARIADB_BIN:-}" ] || ls /usr/lib*/m*/plugin/auth_ed25519.so >/dev/null 2>&1
}

# has_ssh looks for OpenSSH's server and clients.
has_ssh() {
	if [ -n "${GATEFOLD_SSH_BIN:-}" ]; then
		path=$GATEFOLD_SSH_BIN
	else
		path=/usr/bin:/usr/sbin:/usr/lib/openssh:/usr/lib/ssh:/usr/libexec/openssh:/usr/libexec:$PATH
	fi
	for p in sshd sftp-server ssh scp sftp ssh-keygen; do
		(PATH=$path && command -v $p >/dev/null) || return 1
	done
}

# missing_compat prints the packages of other people's software that are not there.
missing_compat() {
	[ -e /usr/share/mysql/mysql-test/mariadb-test-run.pl ] || echo mariadb-test
	[ -e /usr/share/java/mariadb-java-client.jar ] || echo libmariadb-java
	command -v javac >/dev/null || echo default-jdk-headless
	for module in pymysql MySQLdb pyodbc; do
		/usr/bin/python3 -c "import $module" 2>/dev/null || echo python3-$module | tr '[:upper:]' '[:lower:]'
	done
	ls /usr/lib/*/odbc/libmaodbc.so >/dev/null 2>&1 || echo odbc-mariadb
	/usr/bin/perl -MDBD::MariaDB -e 1 2>/dev/null || echo libdbd-mariadb-perl
	/usr/bin/perl -MDBD::mysql -e 1 2>/dev/null || echo libdbd-mysql-perl
	/usr/bin/php -m 2>/dev/null | grep -q mysqli || echo php-cli php-mysql
	/usr/bin/ruby -e 'require "mysql2"' 2>/dev/null || echo ruby-mysql2
	/usr/bin/python3 -c "import paramiko" 2>/dev/null || echo python3-paramiko
	/usr/bin/python3 -c "import asyncssh" 2>/dev/null || echo python3-asyncssh
	for p in sysbench haproxy node npm rsync git ansible-playbook; do
		command -v $p >/dev/null || echo $p | sed 's/^node$/nodejs/; s/^ansible-playbook$/ansible-core/'
	done
}

missing_clickhouse() {
	command -v npm >/dev/null || echo npm
	[ -x /usr/sbin/clickhouse-server ] || echo clickhouse-server
}

# npm_compat installs what the lock files pin, below the folder that `make compat` works in.
npm_compat() {
	here=$(cd "$(dirname "$0")" && pwd)
	npm_install "$here/cmd/compat/testdata/mysql/node" "$here/../../.compat/npm"
	npm_install "$here/cmd/compat/testdata/ssh/node" "$here/../../.compat/npm-ssh"
}

npm_install() {
	cmp -s "$1/package-lock.json" "$2/package-lock.json" && [ -d "$2/node_modules" ] && return 0
	say "installing what cmd/compat/testdata/${1##*/testdata/} pins with npm"
	rm -rf "$2"
	mkdir -p "$2"
	cp "$1/package.json" "$1/package-lock.json" "$2"
	(cd "$2" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error) || { rm -rf "$2"; die "npm ci fails"; }
}

# missing_packages prints the packages that what is wanted lacks.
missing_packages() {
	for w in $wanted; do
		case $w in
		make) command -v make >/dev/null || echo make ;;
		gcc) has_gcc || echo gcc libc6-dev ;;
		postgresql) has_postgresql || echo postgresql postgresql-contrib ;;
		mariadb) has_mariadb || echo mariadb-server mariadb-client ;;
		ssh) has_ssh || echo openssh-server openssh-client openssh-sftp-server ;;
		compat) missing_compat ;;
		clickhouse) missing_clickhouse ;;
		*) die "nothing is known of '$w': name make, gcc, postgresql, mariadb, ssh, compat or clickhouse" ;;
		esac
	done
}

# finish does what no package does.
finish() {
	[ -z "$as_root" ] || return 0
	case " $wanted " in *" compat "*) npm_compat ;; esac
}

# install_as_root runs as root: apt-get, with the machine's own cluster and services held back.
install_as_root() {
	export DEBIAN_FRONTEND=noninteractive UCF_FORCE_CONFFOLD=1
	log=$(mktemp)
	conf=/etc/postgresql-common/createcluster.conf
	rcd=/usr/sbin/policy-rc.d
	kept=
	held=
	made=
	trap 'put_back; rm -f "$log"' EXIT
	trap 'exit 1' INT TERM HUP
	case $* in *postgresql*) hold_cluster ;; esac
	case $* in *postgresql* | *mariadb* | *clickhouse* | *openssh-server*) hold_services ;; esac
	ours= # services of servers that are installed below; one that is here already is somebody's
	for p in "$@"; do
		case $p in
		mariadb-server) is_installed "$p" || ours="$ours mariadb" ;;
		clickhouse-server) is_installed "$p" || ours="$ours $p" ;;
		openssh-server) is_installed "$p" || ours="$ours ssh" ;;
		esac
	done
	if ! apt install "$@"; then
		apt update || { cat "$log" >&2; die "apt-get update fails"; }
		apt install "$@" || { cat "$log" >&2; die "apt-get install $* fails"; }
	fi
	for service in $ours; do # not at boot either
		[ ! -e "/etc/init.d/$service" ] || update-rc.d "$service" disable >>"$log" 2>&1 || true
	done
}

is_installed() {
	dpkg-query -W -f '${Status}' "$1" 2>/dev/null | grep -q ' installed$'
}

apt() {
	verb=$1
	shift
	apt-get -qq -y -o DPkg::Lock::Timeout=300 -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold \
		"$verb" ${1:+--no-install-recommends} "$@" >>"$log" 2>&1 </dev/null
}

# hold_cluster has PostgreSQL's package make no cluster.
hold_cluster() {
	mkdir -p "$(dirname $conf)"
	if [ -f $conf ]; then
		kept=$(mktemp)
		cp -p $conf "$kept"
	fi
	held=yes
	echo 'create_main_cluster = false' >>$conf
}

# hold_services has packages start no service.
hold_services() {
	[ ! -e $rcd ] || return 0
	printf '#!/bin/sh\nexit 101\n' >$rcd
	chmod 755 $rcd
	made=yes
}

put_back() {
	[ -z "$made" ] || rm -f $rcd
	[ -n "$held" ] || return 0
	if [ -n "$kept" ]; then
		mv "$kept" $conf
	elif [ -f /usr/share/postgresql-common/createcluster.conf ]; then
		cp /usr/share/postgresql-common/createcluster.conf $conf
	else
		rm -f $conf
	fi
}

as_root=
if [ "${1:-}" = --as-root ]; then # by this script itself, one run at a time
	shift
	as_root=yes
	wanted="$*"
fi

[ -n "$as_root" ] || check_go
packages=$(missing_packages) || exit 1
# shellcheck disable=SC2086 # they are words
set -- $packages
if [ $# = 0 ]; then
	finish
	exit 0
fi
if [ -n "$as_root" ]; then
	say "installing $* with apt-get; a minute or two"
	install_as_root "$@"
	exit 0
fi
[ -z "${GATEFOLD_NO_INSTALL:-}" ] || die "missing: $* (and GATEFOLD_NO_INSTALL is set)"
command -v apt-get >/dev/null || die "missing, by Debian's names: $*. There is no apt-get here: install their like"
sudo=
if [ "$(id -u)" != 0 ]; then
	sudo -n true 2>/dev/null || die "missing: $*. As root: apt-get install $*"
	sudo="sudo -n"
fi
# shellcheck disable=SC2086 # no word or two
$sudo flock /var/lib/apt/lists sh "$0" --as-root $wanted
packages=$(missing_packages)
[ -z "$packages" ] || die "still missing after installing: $packages"
finish
