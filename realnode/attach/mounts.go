//go:build !(386 || arm || mips || mipsle)

package attach

import (
	"os"
	"strconv"
	"strings"
)

// fsType is the type of our mounts, by which they are found again.
const (
	fsSubtype = "pitch"
	fsType    = "fuse." + fsSubtype
)

// mounted is a line of mountinfo.
type mounted struct {
	device string // major:minor
	point  string
	fsType string
	source string
}

// readMounts reads a mountinfo file, whose format is in proc(5).
func readMounts(path string) ([]mounted, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var list []mounted
	for line := range strings.Lines(string(b)) {
		before, after, ok := strings.Cut(strings.TrimSuffix(line, "\n"), " - ")
		left, right := strings.Fields(before), strings.Fields(after)
		if !ok || len(left) < 5 || len(right) < 2 {
			continue
		}
		list = append(list, mounted{device: left[2], point: unescape(left[4]),
			fsType: right[0], source: unescape(right[1])})
	}
	return list, nil
}

// unescape gives back the characters that are written as three octal digits.
func unescape(s string) string {
	var out strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+3 < len(s) {
			if n, err := strconv.ParseUint(s[i+1:i+4], 8, 8); err == nil {
				out.WriteByte(byte(n))
				i += 3
				continue
			}
		}
		out.WriteByte(s[i])
	}
	return out.String()
}
