package main

import (
	"io"
	"testing"
)

// BenchmarkStudyOfTheSeed is the whole command: the study bigcluster-vs-sharding with its tables and
// its picture in three formats.
func BenchmarkStudyOfTheSeed(b *testing.B) {
	for b.Loop() {
		code := Main([]string{"study", "../../studies/bigcluster-vs-sharding.toml", "--out", b.TempDir()},
			io.Discard, io.Discard)
		if code != 0 {
			b.Fatalf("exit code %d", code)
		}
	}
}
