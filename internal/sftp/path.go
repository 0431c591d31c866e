package sftp

import (
	"path"
	"strings"
)

// errNoHome is why a relative path is refused: what it is a path of decides what it names.
const errNoHome = "the server did not tell where relative paths begin: use an absolute one"

// resolve makes a path absolute and clean, by its names alone: what links stand for only the server knows. home is where
// relative paths begin; empty: unknown.
func resolve(home, name string) (clean string, refuse string) {
	if strings.HasPrefix(name, "/") {
		return path.Clean(name), ""
	}
	if home == "" {
		return path.Clean(name), errNoHome
	}
	return path.Clean(home + "/" + name), ""
}

// climbs reports whether a name has a ".." in it.
func climbs(name string) bool {
	for part := range strings.SplitSeq(name, "/") {
		if part == ".." {
			return true
		}
	}
	return false
}

// sent is what goes to the server in the place of name: clean itself where name climbs, for behind a link ".." is another
// directory than by its name, and what is judged has to be what is done.
func sent(name, clean string) string {
	if !climbs(name) {
		return name
	}
	if strings.HasSuffix(name, "/") && clean != "/" {
		return clean + "/"
	}
	return clean
}
