package study

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// A Shard is a part of a study: every Of-th cell from the Part-th on. The zero value is all of it.
type Shard struct{ Part, Of int }

// mostShards bounds the parts of a study.
const mostShards = 10_000

// Has says whether a cell belongs to the shard.
func (s Shard) Has(cell int) bool { return s.Of <= 1 || cell%s.Of == s.Part-1 }

// Count is how many of so many cells belong to it.
func (s Shard) Count(cells int) int {
	if s.Of <= 1 {
		return cells
	}
	return (cells + s.Of - s.Part) / s.Of
}

func (s Shard) String() string {
	if s.Of <= 1 {
		return "1/1"
	}
	return fmt.Sprintf("%d/%d", s.Part, s.Of)
}

// MarshalText is the exact inverse of UnmarshalText.
func (s Shard) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads "3/7".
func (s *Shard) UnmarshalText(text []byte) error {
	part, of, ok := strings.Cut(string(text), "/")
	i, err1 := strconv.Atoi(part)
	n, err2 := strconv.Atoi(of)
	if !ok || err1 != nil || err2 != nil || i < 1 || n < i || n > mostShards {
		return errors.New(`expected a part such as "3/7", from 1/1 to 10000/10000`)
	}
	if n == 1 {
		i, n = 0, 0
	}
	*s = Shard{i, n}
	return nil
}
