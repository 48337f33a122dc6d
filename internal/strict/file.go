package strict

import (
	"errors"
	"io"
	"io/fs"
	"os"
)

// ReadFile reads the file at path, for Decode: no more of it than shows that it is too large. The
// error is an [*Error] that unwraps to the cause.
func (f *Format) ReadFile(path string) ([]byte, error) {
	data, err := readMost(path, int64(f.most())+1)
	if err != nil {
		cause := err
		var pe *fs.PathError
		if errors.As(err, &pe) {
			cause = pe.Err
		}
		return nil, &Error{File: path, Msg: "cannot be read: " + cause.Error(), Err: err}
	}
	return data, nil
}

func readMost(path string, most int64) ([]byte, error) {
	r, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(io.LimitReader(r, most))
	if cerr := r.Close(); err == nil {
		err = cerr
	}
	return data, err
}

// most is how large a file may be, in bytes.
func (f *Format) most() int { return max(1, f.MaxMiB) << 20 }
