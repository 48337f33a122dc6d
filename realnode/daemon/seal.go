package daemon

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
)

// The small files of a data folder say what all the others are, and a flipped bit can make another
// valid name or number of one. So each ends with a line that has the SHA-256 of all before it, which
// to TOML is a comment.

// sealMark begins the line, in hexadecimal digits.
const sealMark = "# sha256 "

// sealedSince is the version of the layout from which on each of these files has the line.
const sealedSince = 2

// ErrAltered is returned for a file of the data folder that is not as the daemon has written it.
var ErrAltered = errors.New("this is not what the daemon has written")

// seal appends its checksum to the text of a file.
func seal(text []byte) []byte {
	return fmt.Appendf(slices.Clip(text), "%s%x\n", sealMark, sha256.Sum256(text))
}

// unseal returns the text of a file, and whether it has a checksum, which then fits.
func unseal(data []byte) (text []byte, sealed bool, err error) {
	at := bytes.LastIndex(data, []byte(sealMark))
	if at < 0 {
		return data, false, nil
	}
	if !bytes.Equal(seal(data[:at]), data) {
		return nil, true, fmt.Errorf("%w: content and checksum do not fit", ErrAltered)
	}
	return data[:at], true, nil
}

// unsealed is unseal for a file of a folder whose layout has this version.
func unsealed(path string, data []byte, version int) ([]byte, error) {
	text, sealed, err := unseal(data)
	if err == nil && !sealed && version >= sealedSince {
		err = fmt.Errorf("%w: the checksum is missing", ErrAltered)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return text, nil
}
