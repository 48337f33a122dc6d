package disk

import (
	"fmt"
	"io/fs"

	"github.com/container-football/pitch/node"
)

// requestError is an error with the request that it ended.
type requestError struct {
	device string
	op     node.Op
	seg    uint64
	off, n int64
	data   int
	err    error
}

func (e *requestError) Error() string {
	return fmt.Sprintf("%s: %v of segment %d, offset %d, n %d, %d bytes of data: %v", e.device, e.op,
		e.seg, e.off, e.n, e.data, e.err)
}

func (e *requestError) Unwrap() error { return e.err }

// pathError adds the operation and the path to an error of a system call.
func pathError(op, path string, err error) error {
	if err == nil {
		return nil
	}
	return &fs.PathError{Op: op, Path: path, Err: err}
}

// blockError says which block of which file is not as it must be.
type blockError struct {
	path  string
	block int64
	what  string
	err   error
}

func (e *blockError) Error() string {
	return fmt.Sprintf("%s: block %d: %s: %v", e.path, e.block, e.what, e.err)
}

func (e *blockError) Unwrap() error { return e.err }
