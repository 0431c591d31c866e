package shelltext

import (
	"strings"
	"testing"
)

// Each line holds the secret hunter2 (and only there), and none of it is left.
func TestMask(t *testing.T) {
	for _, line := range []string{
		"mysql -u root -phunter2 shop",
		"mysql -uroot -p'hunter2' -e 'SELECT 1'",
		"sudo -u x mysqldump -phunter2 shop > a.sql",
		"/usr/bin/mysql -phunter2",
		`sh -c 'mysql -phunter2 -e "SELECT 1"'`,
		`sh -c "mysql '-phunter2'"`,
		"mysql --password=hunter2",
		"mysql --password='hunter2 x'",
		`mysql "--password=hunter2"`,
		"PGPASSWORD=hunter2 psql -c 'SELECT 1'",
		"export PGPASSWORD='hunter2'; psql",
		"env MYSQL_PWD=hunter2 mysql",
		"AWS_SECRET_ACCESS_KEY=hunter2 aws s3 ls",
		"API_TOKEN=hunter2 ./deploy",
		"DB_PASS=hunter2 ./run",
		`psql "host=db user=a password=hunter2"`,
		`psql "host=db password='hunter2 x'"`,
		"psql postgres://a:hunter2@db/shop",
		"git clone https://a:hunter2@git/x.git",
		"curl -u a:hunter2 https://x/",
		"curl -sua:hunter2 https://x/",
		"curl --user a:hunter2 https://x/",
		"curl --user=a:hunter2 https://x/",
		"curl -u 'a:hunter2' https://x/",
		"curl -H 'Authorization: Bearer hunter2' https://x/",
		`curl -H "X-Auth-Token: hunter2" https://x/`,
		`curl -d '{"password":"hunter2"}' https://x/`,
		`curl -d "{\"password\": \"hunter2\"}" https://x/`,
		"curl 'https://x/?a=1&access_token=hunter2&b=2'",
		"sshpass -p hunter2 ssh x",
		"sshpass -phunter2 ssh x",
		"redis-cli -a hunter2 ping",
		"ldapsearch -x -D cn=a -w hunter2",
		"echo 'root:hunter2' | chpasswd",
		"echo hunter2 | sudo -S ls",
		"printf '%s' hunter2 | docker login --password-stdin x",
		"chpasswd <<< root:hunter2",
		"docker login -u a -p hunter2 x",
		"useradd -p hunter2 bob",
		"htpasswd -b f bob hunter2",
		"openssl enc -aes256 -k hunter2 -in f",
		"openssl rsa -passin pass:hunter2 -in f",
		"smbclient -U bob%hunter2 //x/y",
		"sqlplus scott/hunter2@db",
		"aws configure set aws_secret_access_key hunter2",
		"vault kv put x password=hunter2",
		"kubectl create secret generic x --from-literal=a=hunter2",
		"keytool -storepass hunter2 -list",
		"unzip -P hunter2 a.zip",
		"7z x -phunter2 a.7z",
		"mysql -e \"CREATE USER a IDENTIFIED BY 'hunter2'\"",
		"mysql -e \"SET PASSWORD FOR a = PASSWORD('hunter2')\"",
		"psql -c \"ALTER USER a PASSWORD 'hunter2'\"",
		"ansible all -e 'ansible_password=hunter2'",
		"--token hunter2 x", "x --client-secret hunter2", "x -password hunter2",
		"cat > k <<E\n-----BEGIN OPENSSH PRIVATE KEY-----\nhunter2\n-----END OPENSSH PRIVATE KEY-----\nE",
		"echo ghp_hunter2hunter2hunter2",
		"mysql -p'hunter2", "sh -c 'PGPASSWORD=hunter2", // not closed
		"a; b && mysql -phunter2 | c",
		"x=$(mysql -phunter2)",
		"mysql \\\n -phunter2",
	} {
		got := string(Mask(line))
		if got == "" || strings.Contains(got, "hunter2") || !strings.Contains(got, hidden) {
			t.Errorf("%q: %q", line, got)
		}
	}
}

// What is no secret stays: a record that says nothing is none.
func TestMaskLeaves(t *testing.T) {
	for _, line := range []string{
		"ls -p /tmp", "mysql -p shop", "mysql -u root -p", "cp -p a b", "mkdir -p /srv/a", "grep password /etc/x", "passwd bob", "cat /etc/passwd",
		"echo $PWD", "PWD=/tmp ls", "OLDPWD=/ cd -", "curl -u alice https://x/", "curl https://x/", "ssh -p 22 x", "x --password-file=/run/x", "x --token-url=https://x/",
		"docker ps", "git push", "systemctl restart nginx", "find . -name '*secret*'", "vault token lookup", "echo a:b", "rsync --server -vlogDtpre.iLsfxCIvu . /srv",
		"useradd bob", "PASSWORD_FILE=/x y", "openssl x509 -in f", "",
	} {
		if got := Mask(line); got != nil {
			t.Errorf("%q: %q", line, got)
		}
	}
}

// Only the secret goes.
func TestMaskKeepsTheRest(t *testing.T) {
	for line, want := range map[string]string{
		"mysql -u root -phunter2 shop":            "mysql -u root -p*** shop",
		"PGPASSWORD=hunter2 psql -c 'SELECT 1'":   "PGPASSWORD=*** psql -c 'SELECT 1'",
		"curl -u a:hunter2 https://b:hunter2@x/y": "curl -u a:*** https://b:***@x/y",
		`sh -c 'mysql -phunter2 -e "SELECT 1"'`:   `sh -c 'mysql -p*** -e "SELECT 1"'`,
		"sshpass -p hunter2 ssh x":                "sshpass -p *** ssh x",
	} {
		if got := string(Mask(line)); got != want {
			t.Errorf("%q: %q, want %q", line, got, want)
		}
	}
}

func TestMaskVariable(t *testing.T) {
	for text, want := range map[string]string{
		"PGPASSWORD=hunter2 x":         "PGPASSWORD=***",
		"LANG=C":                       "",
		"TOKEN=":                       "",
		"DATABASE_URL=pg://a:b@host/x": "DATABASE_URL=pg://a:***@host/x",
		"no assignment":                "",
	} {
		if got := string(MaskVariable(text)); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}
