package strict

import (
	"fmt"
	"regexp"
	"strings"
)

// Join returns the path of a key of the table at path, such as "resource[0].size"; the top level
// is the empty path.
func Join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// Index returns the path of an entry of the list at path, such as "resource[0]".
func Index(path string, i int) string { return fmt.Sprintf("%s[%d]", path, i) }

func parentPath(path string) string {
	i := strings.LastIndexAny(path, ".[")
	if i < 0 {
		return ""
	}
	return path[:i]
}

var indexes = regexp.MustCompile(`\[[0-9]+\]`)

// tableName strips the indexes from a path.
func tableName(path string) string { return indexes.ReplaceAllString(path, "") }

// inTable names the table at path as a clause.
func inTable(path string) string {
	switch {
	case path == "":
		return " at the top level"
	case strings.HasSuffix(path, "]"):
		return " in [[" + tableName(path) + "]]"
	}
	return " in [" + path + "]"
}
