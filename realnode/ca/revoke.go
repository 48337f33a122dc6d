package ca

import (
	"crypto/x509"
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/container-football/pitch/internal/durable"
)

// revokedHead begins a list of revoked serial numbers. It holds one in a line, as 32 hexadecimal
// digits; what follows a # is for people.
const revokedHead = "# Revoked serial numbers, one in a line. `pitch ca revoke` adds to them.\n"

var serialDigits = regexp.MustCompile(`^[0-9a-f]{32}$`)

func serialText(cert *x509.Certificate) string { return fmt.Sprintf("%032x", cert.SerialNumber) }

// parseRevoked reads a list. A last line without an end may be the half of one, and a number that
// was cut would revoke nothing: both are errors.
func parseRevoked(data []byte) (map[string]bool, error) {
	revoked := map[string]bool{}
	nr := 0
	for line := range strings.Lines(string(data)) {
		nr++
		if !strings.HasSuffix(line, "\n") {
			return nil, fmt.Errorf("line %d is cut off", nr)
		}
		serial, _, _ := strings.Cut(line, "#")
		if serial = strings.TrimSpace(serial); serial == "" {
			continue
		}
		if !serialDigits.MatchString(serial) {
			return nil, fmt.Errorf("line %d: expected 32 hexadecimal digits, found %q", nr, serial)
		}
		revoked[serial] = true
	}
	if nr == 0 {
		return nil, errors.New("it is empty, and not even its first line is there")
	}
	return revoked, nil
}

// Revoke adds a certificate of a host to the authority's list, by its serial number or by a file
// that holds it, and returns the serial number. One that is in the list stays there. The list must
// then be copied to every host: that is what makes them refuse it.
func Revoke(dir, what string, opt Options) (serial string, err error) {
	a, err := openAuthority(dir, opt)
	if err != nil {
		return "", err
	}
	serial, note := strings.ToLower(strings.ReplaceAll(what, ":", "")), ""
	if !serialDigits.MatchString(serial) {
		cert, err := load(what, false, parseCert)
		if errors.Is(err, ErrMissing) {
			return "", &Error{what, ErrMissing,
				"neither the file of a certificate nor a serial number of 32 hexadecimal digits"}
		}
		if err != nil {
			return "", err
		}
		id, err := a.issued(what, cert)
		if err != nil {
			return "", err
		}
		serial, note = serialText(cert), "host "+id.host+", "
	}
	release, err := lock(dir)
	if err != nil {
		return "", err
	}
	defer release()
	path := filepath.Join(dir, revokedList)
	data, err := readFile(path, false)
	if err != nil {
		return "", err
	}
	old, err := parseRevoked(data)
	if err != nil {
		return "", &Error{path, ErrDamaged, err.Error()}
	}
	if old[serial] {
		return serial, nil
	}
	line := fmt.Sprintf("%s # %s%s\n", serial, note, opt.now().UTC().Format("2006-01-02"))
	return serial, durable.Replace(path, append(data, line...), 0o644)
}
