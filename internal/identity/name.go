package identity

import (
	"errors"
	"fmt"
	"regexp"

	"golang.org/x/text/secure/precis"
)

// ErrName says that a text can't be a user's name.
var ErrName = errors.New("no name for a user")

// maxName is in bytes.
const maxName = 128

// nameRule leaves out '=' and '/', which part a login, and all that needs quoting in a shell, a URL, a policy or a
// connection string. internal/config holds the members of groups to the same.
var nameRule = regexp.MustCompile(`^[\p{L}\p{N}][\p{L}\p{M}\p{N}._+@-]*$`)

// NormalName returns the one spelling of a user's name: RFC 8265, section 3.4 (UsernameCasePreserved), which composes
// (NFC), narrows full-width letters and refuses what can't be seen.
func NormalName(name string) (string, error) {
	if len(name) > maxName {
		return "", fmt.Errorf("%w: it has %d bytes and may have %d", ErrName, len(name), maxName)
	}
	normal, err := precis.UsernameCasePreserved.String(name)
	if err != nil {
		return "", fmt.Errorf("%w: %q: %w", ErrName, name, err)
	}
	if !nameRule.MatchString(normal) || len(normal) > maxName {
		return "", fmt.Errorf("%w: %q: it is letters, digits and . _ - + @, and starts with a letter or a digit", ErrName, name)
	}
	return normal, nil
}
