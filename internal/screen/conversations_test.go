package screen

const ps1 = "PS1=web1:\\w$ "

var plainBash = []string{"bash", "--norc", "--noprofile", "-i"}

var conversations = []conversation{
	{
		name: "bash", rows: 24, cols: 80, program: plainBash, env: []string{ps1},
		files: map[string]string{"alpha.txt": "one\ntwo\n", "alphabet.txt": "three\n"},
		steps: []step{
			{"$ ", "e"}, {"e", "c"}, {"c", "h"}, {"h", "o"}, {"o", " hi"}, {"hi", "\r"},
			{"$ ", "ecko"}, {"ecko", "\x7f\x7f"}, {"", "ho back"}, {"back", "\r"}, // backspace
			{"$ ", "\x1b[A"}, {"back", "\r"}, // history
			{"$ ", "\x1b[A\x1b[A\x1b[A"}, {"hi", "\r"}, // more than one in a read
			{"$ ", "\x12"}, {"search", "bac"}, {"bac", "\r"}, // search
			{"$ ", "cat al\t"}, {"pha", "\t\t"}, {"alphabet.txt", ".t\t"}, {".txt", "\r"}, // completion, with a list
			{"$ ", "echo ac"}, {"ac", "\x1b[D"}, {"", "b"}, {"b", "\r"}, // in the middle
			{"$ ", "false; sleep 0.4; echo slow\r"}, {"", "echo ahead\r"}, {"ahead\r\n", ""}, // typed ahead
			{"$ ", "echo nothing"}, {"nothing", "\x03"}, // given up
			{"$ ", "echo one; echo \x15echo two\r"}, {"two\r\n", ""},
			{"$ ", "\r"},
			{"$ ", "\x1b[200~echo pasted\x1b[201~"}, {"pasted", "\r"}, // pasted
			{"$ ", "\x1b[200~echo first\necho second\x1b[201~"}, {"second", "\r"}, // two lines pasted
			{"$ ", "echo a\recho b\recho c\r"}, {"c\r\n", ""}, // pasted without the marks
			{"$ ", "for i in 1 2; do\r"}, {"> ", "echo $i\r"}, {"> ", "done\r"},
			{"$ ", "echo \"\x1b[Becho q"}, {"q", "\x15"}, // nothing below
			{"", "echo later"}, {"later", "\x0c"}, {"later", "\r"}, // the screen is cleared in between
			{"$ ", "exit\r"}, {"exit", ""},
		},
	},
	{
		name: "bash-long", rows: 10, cols: 30, program: plainBash, env: []string{ps1},
		steps: []step{
			{"$ ", "echo 0123456789 0123456789 0123456789 0123456789 0123456789"}, {"89", "\r"}, // three rows
			{"$ ", "\x1b[A"}, {"89", "\x01"}, {"", "\x1b[C\x1b[C\x1b[C\x1b[C -n"}, {"-n", "\r"}, // changed in the first of them
			{"$ ", "\x12"}, {"search", "567"}, {"567", "\r"},
			{"$ ", "echo für Zoë 漢字 ✓ 0123456789"}, {"89", "\r"}, // wide characters
			{"$ ", "echo 0123456789 0123456"}, {"56", "\r"}, // exactly one row
			{"$ ", "for i in 1 2 3 4 5 6 7 8; do echo line $i; done\r"}, {"8\r\n", ""},
			{"$ ", "echo 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 end"}, {"end", "\r"}, // longer than the screen
			{"$ ", "exit\r"}, {"exit", ""},
		},
	},
	{
		name: "bash-prompt", rows: 24, cols: 80, program: plainBash,
		env: []string{"PS1=\\[\\e]0;\\w\\a\\]\\[\\e[1;32m\\]alice@web1\\[\\e[0m\\] in \\[\\e[34m\\]\\w\\[\\e[0m\\]\\n\\t > "},
		steps: []step{
			{"> ", "echo hi\r"}, {"> ", "\x1b[A"}, {"hi", "\x7f\x7fho\r"}, {"> ", "PS1=''\r"}, {"", "echo bare\r"}, {"bare\r\n", "\x1b[A"}, {"bare", "\r"}, {"bare\r\n", "exit\r"}, {"exit", ""},
		},
	},
	{
		name: "dash", rows: 24, cols: 80, program: []string{"dash", "-i"}, env: []string{"PS1=$ "},
		steps: []step{
			{"$ ", "echo hi\r"}, {"$ ", "echo hx\x7fi there\r"}, {"$ ", "echo a\recho b\r"}, {"b\r\n", ""},
			{"$ ", "stty -echo; printf 'Password: '; read x; stty echo; echo\r"}, {"Password: ", "hunter2"}, {"", "\r"},
			{"$ ", "stty -echo; printf 'Password: '; read x; stty echo; echo\r"}, {"Password: ", "h"}, {"", "unter"}, {"", "2\r"},
			{"$ ", "echo done\r"}, {"$ ", "\x04"}, {"", ""},
		},
		secrets: []string{"hunter", "unter"},
	},
	{
		name: "hidden", rows: 24, cols: 80, program: plainBash, env: []string{ps1}, // no new line is shown for the hidden one's Enter
		steps: []step{
			{"$ ", "read -s -p 'Password: ' x\r"}, {"Password: ", "hunter2"}, {"", "\r"}, {"$ ", "echo done\r"}, {"done\r\n", "read -s x\r"}, {"", "hunter2\r"},
			{"$ ", "e"}, {"e", "cho again\r"}, {"again\r\n", "exit\r"}, {"exit", ""},
		},
		secrets: []string{"hunter", "unter"},
	},
	{
		name: "zsh", rows: 24, cols: 80, program: []string{"zsh", "-f", "-i"},
		env:   []string{"PS1=web1:~ %% ", "SHELL=zsh"},
		files: map[string]string{"alpha.txt": "one\n", "alphabet.txt": "two\n", ".zshrc": ""},
		steps: []step{
			{"% ", "HISTSIZE=50; RPROMPT='%T'; autoload -U compinit; compinit -u\r"},
			{"% ", "e"}, {"e", "c"}, {"c", "ho hi"}, {"hi", "\r"},
			{"% ", "\x1b[A"}, {"hi", "\x7fo\r"},
			{"% ", "\x12"}, {"search", "ech"}, {"", "\r"},
			{"% ", "cat al\t"}, {"alpha", "\t"}, {"", ".t\t"}, {"txt", "\r"},
			{"% ", "echo 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 end"}, {"end", "\r"},
			{"% ", "\x1b[200~echo first\necho second\x1b[201~"}, {"second", "\r"},
			{"% ", "sudo\x15ls /nonexistent\r"}, {"% ", "echo later"}, {"later", "\x0c"}, {"later", "\r"},
			{"% ", "exit\r"},
		},
	},
	{
		name: "fish", rows: 24, cols: 80, program: []string{"fish", "-i"}, env: []string{"fish_greeting="},
		steps: []step{
			{"# ", "e"}, {"e", "cho hello\r"}, {"# ", "echo"}, {"echo", " h"}, {"h", "i\r"}, {"# ", "\x1b[A"}, {"", "\x1b[A"}, {"hello", "\r"},
			{"# ", "echo hel"}, {"lo", "\x1b[C"}, {"", "\r"}, // a suggestion is taken
			{"# ", "for i in 1 2\r"}, {"", "echo $i\rend"}, {"end", "\r"},
			{"# ", "exit\r"},
		},
	},
	{
		name: "python", rows: 24, cols: 80, program: []string{"/usr/bin/python3", "-q"},
		steps: []step{
			{">>> ", "x = 40\r"}, {">>> ", "x + 3"}, {"3", "\x7f2\r"}, {">>> ", "\x1b[A"}, {"2", "\r"},
			{">>> ", "def f():\r"}, {"... ", "    return 7\r"}, {"... ", "\r"}, {">>> ", "f()\r"},
			{">>> ", "import getpass; p = getpass.getpass()\r"}, {"Password: ", "correct horse"}, {"", "\r"},
			{">>> ", "len(p)\r"}, {">>> ", "exit()\r"},
		},
		secrets: []string{"correct", "horse", "rrect"},
	},
	{
		name: "editors", rows: 24, cols: 80, program: plainBash, env: []string{ps1},
		files: map[string]string{"notes.txt": "first line\nsecond line\n"},
		steps: []step{
			{"$ ", "vi -u NONE -N notes.txt\r"}, {"second", "Grm -rf"}, {"", " /tmp/x\r$ not a command\r"}, {"", "\x1b"}, {"", ":wq\r"},
			{"$ ", "seq 100 | less\r"}, {":", " "}, {":", "/50\r"}, {"", "q"},
			{"$ ", "cat notes.txt\r"}, {"$ ", "exit\r"}, {"exit", ""},
		},
	},
	{
		name: "tmux", rows: 24, cols: 80, program: []string{"tmux", "-L", "gatefold-screen-test", "-f", "tmux.conf", "new-session"},
		env:   []string{ps1, "TMUX_TMPDIR=/tmp"},
		files: map[string]string{"tmux.conf": "set -g default-command 'bash --rcfile bashrc -i'\n", "bashrc": "PS1='web1:\\w$ '\n"},
		steps: []step{
			{"$ ", "echo inside\r"}, {"$ ", "\x1b[A"}, {"inside", " again\r"}, {"again", "\x02%"}, {"$ ", "echo right\r"}, {"$ ", "seq 40"}, {"40", "\r"},
			{"40", "echo scrolled\r"}, {"scrolled", "exit\r"}, {"", "exit\r"}, {"", ""},
		},
	},
	{
		name: "sudo", rows: 24, cols: 80, program: []string{"runuser", "-u", "nobody", "--", "bash", "--norc", "--noprofile", "-i"}, env: []string{"PS1=web1:~$ "},
		steps: []step{
			{"$ ", "sudo id\r"}, {"nobody:", "correct horse"}, {"", "\r"}, {"again.", "b"}, {"", "attery"}, {"", "\r"}, {"again.", "staple\r"}, {"$ ", "echo done\r"},
			{"$ ", "su\r"}, {"Password: ", "tr0ub4dor\x7fr\r"}, {"$ ", "id -u\r"}, {"$ ", "sudo -k -S id\rhunter2\r"}, {"again.", "\x03"}, {"$ ", "exit\r"},
		},
		secrets: []string{"horse", "attery", "staple", "tr0ub", "unter2"},
	},
	{
		name: "psql", rows: 24, cols: 80, program: []string{"psql", "-X", "-h", "/tmp/pg", "-p", "5999", "-U", "postgres", "-v", "PROMPT1=%/=%# ", "-P", "pager=off"},
		steps: []step{
			{"=# ", "create table t (a int, b text);\r"}, {"=# ", "insert into t values (1, 'one');\r"}, {"=# ", "selekt"}, {"selekt", "\x7f\x7f"}, {"", "ct * from t;\r"},
			{"=# ", "\x1b[A"}, {"t;", "\x7f where a = 1;\r"}, {"=# ", "select 1,\r"}, {"-# ", "       2;\r"}, {"=# ", "sel\tcount(*) from t;\r"},
			{"=# ", "\\password\r"}, {": ", "s3cret-word"}, {"", "\r"}, {": ", "s3cret-word\r"}, {"=# ", "drop table t;\r"}, {"=# ", "\\q\r"},
		},
		secrets: []string{"s3cret", "ret-word"},
	},
	{
		name: "mariadb", rows: 24, cols: 80, program: []string{"mariadb", "--no-defaults", "-u", "root", "-S", "/tmp/my.sock", "mysql"},
		env: []string{"MYSQL_HISTFILE=/dev/null"},
		steps: []step{
			{"> ", "select 1;\r"}, {"> ", "select\r"}, {"-> ", "2;\r"}, {"> ", "\x1b[A"}, {";", "\r"}, {"> ", "selekt"}, {"", "\x7f\x7fct 3;\r"}, {"> ", "\x12"}, {"", "sel"}, {"", "\r"}, {"> ", "exit\r"},
		},
	},
}
