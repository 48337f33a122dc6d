package ca

import (
	"bytes"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// FuzzFiles feeds the parsers of all files. What they accept must mean the same when it is written
// anew: nothing of a file was passed over.
func FuzzFiles(f *testing.F) {
	dir := filepath.Join(f.TempDir(), "lab")
	if err := Create(dir, "lab", Options{}); err != nil {
		f.Fatal(err)
	}
	out := filepath.Join(dir, "a")
	if err := Issue(dir, "a", []string{"10.0.0.1"}, out, Options{}); err != nil {
		f.Fatal(err)
	}
	for _, name := range []string{authorityCert, hostCert, hostKey, revokedList} {
		data, err := os.ReadFile(filepath.Join(out, name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
		f.Add(append(data, data...))
		f.Add(data[:len(data)/2])
		f.Add(append(data[:len(data)/2:len(data)/2], "\n"+string(data)...))
	}
	f.Add([]byte(strings.Repeat("0f", 16) + " # host a\n\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if certs, err := parseCerts(data); err == nil {
			var again []byte
			for _, c := range certs {
				again = append(again, certPEM(c.Raw)...)
				if id, ok := identityOf(c); ok && id.uri().String() != c.URIs[0].String() {
					t.Errorf("%v is not %v", id, c.URIs[0])
				}
			}
			if bytes.Count(data, []byte("-----BEGIN")) != len(certs) {
				t.Errorf("%d certificates", len(certs))
			}
			back, err := parseCerts(again)
			if err != nil || len(back) != len(certs) {
				t.Errorf("%d certificates, then %d: %v", len(certs), len(back), err)
			}
		}
		if key, err := parseKey(data); err == nil {
			again, err := keyPEM(key)
			if err != nil {
				t.Fatal(err)
			}
			if back, err := parseKey(again); err != nil || !back.Equal(key) {
				t.Error("another key", err)
			}
		}
		if revoked, err := parseRevoked(data); err == nil {
			text := revokedHead
			for _, s := range slices.Sorted(maps.Keys(revoked)) {
				text += s + "\n"
			}
			if back, err := parseRevoked([]byte(text)); err != nil || !maps.Equal(back, revoked) {
				t.Errorf("%v, then %v: %v", revoked, back, err)
			}
		}
	})
}
