package nbd

import (
	"errors"
	"io/fs"
	"syscall"
)

// Error numbers of the document. They are part of the format and the same on every system.
const (
	errnoNone     = 0
	errnoPerm     = 1
	errnoIO       = 5
	errnoInvalid  = 22
	errnoNoSpace  = 28
	errnoShutdown = 108
)

// errnoOf translates a device's error. What the document has no number for is an I/O error:
// clients take that for what it is, while EINVAL makes some of them retry in another way.
func errnoOf(err error) uint32 {
	switch {
	case err == nil:
		return errnoNone
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT),
		errors.Is(err, syscall.EFBIG):
		return errnoNoSpace
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		return errnoPerm
	case errors.Is(err, syscall.EINVAL):
		return errnoInvalid
	case errors.Is(err, syscall.ESHUTDOWN):
		return errnoShutdown
	}
	return errnoIO
}
