package realnode

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

func TestReadSparseIsReadFile(t *testing.T) {
	const size = 1 << 20
	for name, data := range map[string][]int64{
		"empty": nil, "all hole": {}, "first": {0}, "last": {size - 4096}, "some": {8192, 12288, 500000},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "f")
			f, err := os.Create(path)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			if data != nil {
				if err := f.Truncate(size); err != nil {
					t.Fatal(err)
				}
			}
			for i, off := range data {
				if _, err := f.WriteAt(bytes.Repeat([]byte{byte(i + 1)}, 4096), off); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			got, err := readSparse(path)
			if err != nil || !bytes.Equal(got, want) {
				t.Fatalf("%d bytes, %v; expected %d", len(got), err, len(want))
			}
		})
	}
	if _, err := readSparse(filepath.Join(t.TempDir(), "none")); !os.IsNotExist(err) {
		t.Fatal(err)
	}
}
