//go:build !(386 || arm || mips || mipsle)

package attach

import "path"

// The go command has a test write down which files it looks at, to know when the result may be used
// again. Every thread of a test must be able to do that.
func init() {
	others := stays
	stays = func(link string) bool { return path.Base(link) == "testlog.txt" || others(link) }
}
