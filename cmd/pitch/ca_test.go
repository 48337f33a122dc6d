package main

import (
	"errors"
	"io/fs"
	"syscall"
	"testing"
	"time"

	"github.com/container-football/pitch/realnode/ca"
)

func TestStateOfCertificates(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	const day = 24 * time.Hour
	for _, c := range []struct {
		from, until time.Duration // from now
		want        string
		good        bool
	}{
		{-day, 365 * day, "ok: 365d", true},
		{-day, 30 * day, "ok: 30d", true},
		{-day, 30*day - 1, "soon: 29d", false},
		{-day, 0, "soon: 0d", false},
		{-9 * day, -1, "expired 0d ago", false},
		{-9 * day, -3 * day, "expired 3d ago", false},
		{time.Second, 365 * day, "not yet valid", false},
	} {
		info := ca.Info{NotBefore: now.Add(c.from), NotAfter: now.Add(c.until)}
		if got, good := stateOf(info, now, 30); got != c.want || good != c.good {
			t.Errorf("%v..%v: %q %v, expected %q %v", c.from, c.until, got, good, c.want, c.good)
		}
	}
}

// What one can mend by other arguments is bad input; a full disk is not.
func TestErrorsOfTheAuthority(t *testing.T) {
	file := func(err error) error { return &fs.PathError{Op: "open", Path: "pki/ca.key", Err: err} }
	for _, c := range []struct {
		err   error
		usage bool
		text  string
	}{
		{&ca.Error{Object: "pki", Err: ca.ErrExists}, true, "pki: exists already"},
		{file(syscall.EACCES), true, "pki/ca.key: cannot be used: permission denied"},
		{file(syscall.ENOSPC), false, "open pki/ca.key: no space left on device"},
		{file(syscall.EIO), false, "open pki/ca.key: input/output error"},
		{errors.New("broken"), false, "broken"},
	} {
		err := caError(c.err)
		if badInput(err) != c.usage || err.Error() != c.text {
			t.Errorf("%v: bad input: %v", err, badInput(err))
		}
	}
	if caError(nil) != nil {
		t.Error("an error out of nothing")
	}
}
