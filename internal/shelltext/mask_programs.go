package shelltext

import (
	"path"
	"strings"
)

// taker says how a program takes secrets among its arguments.
type taker struct {
	letters string   // options whose value is one, joined or the next word
	joined  string   // options whose value is one only where it is joined: mysql -p asks for it
	pairs   []string // options whose value is user:secret or user%secret
	names   bool     // a word that is named for a secret announces one
	slash   bool     // user/secret@where is a word
	last    int      // words from this one on are one
	cluster bool     // letters may stand before it in one word
}

// takers are the programs that are known to take secrets.
var takers = func() map[string]taker {
	m := map[string]taker{
		"curl":       {pairs: []string{"u", "U", "user", "proxy-user"}, cluster: true},
		"sshpass":    {letters: "p"},
		"mongo":      {letters: "p"},
		"redis-cli":  {letters: "a"},
		"ipmitool":   {letters: "P"},
		"sqlcmd":     {letters: "P"},
		"bcp":        {letters: "P"},
		"zip":        {letters: "P", cluster: true},
		"unzip":      {letters: "P", cluster: true},
		"rar":        {joined: "p"},
		"unrar":      {joined: "p"},
		"smbclient":  {pairs: []string{"U", "user"}},
		"rpcclient":  {pairs: []string{"U", "user"}},
		"net":        {pairs: []string{"U", "user"}},
		"useradd":    {letters: "p"},
		"usermod":    {letters: "p"},
		"docker":     {letters: "p"},
		"podman":     {letters: "p"},
		"htpasswd":   {last: 3},
		"openssl":    {letters: "kK"},
		"aws":        {names: true},
		"gcloud":     {names: true},
		"git":        {names: true},
		"sqlplus":    {slash: true},
		"rman":       {slash: true},
		"impdp":      {slash: true},
		"expdp":      {slash: true},
		"rdesktop":   {letters: "p"},
		"snmpget":    {letters: "AX"},
		"snmpwalk":   {letters: "AX"},
		"snmpset":    {letters: "AX"},
		"psexec":     {letters: "p"},
		"lftp":       {pairs: []string{"u", "user"}},
		"cadaver":    {},
		"ansible":    {},
		"gpg":        {},
		"vault":      {},
		"mosquitto_": {letters: "P"},
	}
	for _, name := range []string{"mysql", "mysqldump", "mysqladmin", "mysqlimport", "mysqlcheck", "mysqlshow", "mysqlslap", "mysqlbinlog", "mysql_upgrade", "mysqlpump", "mysqlsh",
		"mariadb", "mariadb-dump", "mariadb-admin", "mariadb-import", "mariadb-check", "mariadb-show", "mariadb-slap", "mariadb-binlog", "mariadb-upgrade", "mariadb-backup",
		"mariabackup", "xtrabackup", "mydumper", "7z", "7za", "7zr"} {
		m[name] = taker{joined: "p"}
	}
	for _, name := range []string{"ldapsearch", "ldapadd", "ldapmodify", "ldapdelete", "ldappasswd", "ldapwhoami", "ldapcompare", "ldapmodrdn"} {
		m[name] = taker{letters: "w"}
	}
	for _, name := range []string{"mongosh", "mongodump", "mongorestore", "mongoexport", "mongoimport"} {
		m[name] = taker{letters: "p"}
	}
	for _, name := range []string{"mosquitto_pub", "mosquitto_sub"} {
		m[name] = taker{letters: "P"}
	}
	delete(m, "mosquitto_")
	for name, t := range m {
		if !t.any() {
			delete(m, name)
		}
	}
	return m
}()

func (t *taker) any() bool {
	return t.letters != "" || t.joined != "" || t.pairs != nil || t.names || t.slash || t.last > 0
}

// familiarTool is the name of a program without its folder.
func familiarTool(word string) string {
	return path.Base(strings.TrimPrefix(word, `\`))
}
