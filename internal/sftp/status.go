package sftp

import "strconv"

// status is the code of an SSH_FXP_STATUS (draft-ietf-secsh-filexfer-02, section 7).
type status uint32

const (
	fxOK               status = 0
	fxPermissionDenied status = 3
	fxFailure          status = 4
	fxUnsupported      status = 8
)

// language is that of our messages (RFC 1766).
const language = "en"

var statusNames = [...]string{
	"SSH_FX_OK", "SSH_FX_EOF", "SSH_FX_NO_SUCH_FILE", "SSH_FX_PERMISSION_DENIED", "SSH_FX_FAILURE",
	"SSH_FX_BAD_MESSAGE", "SSH_FX_NO_CONNECTION", "SSH_FX_CONNECTION_LOST", "SSH_FX_OP_UNSUPPORTED",
}

func (s status) String() string {
	if int(s) < len(statusNames) {
		return statusNames[s]
	}
	return "SSH_FX_" + strconv.FormatUint(uint64(s), 10)
}
