package mysql

import "github.com/gatefold/gatefold/protocols"

// changeUser ends a relay: its client asks to begin again as another user (COM_CHANGE_USER).
type changeUser struct{ payload []byte }

func (*changeUser) Error() string { return "the client begins again as another user" }

func (*changeUser) Unwrap() error { return protocols.ErrAgain }
