package disk

import "github.com/container-football/pitch/node"

// Faults says what goes wrong, for tests. Each function may be nil, and may also take its time.
type Faults struct {
	// Before is asked before each request. With an error, the request is not carried out, except
	// for the first keep bytes of a write or append: a torn write. Those of a volume must be whole
	// sectors.
	Before func(r *Request) (keep int64, err error)
	// After is asked after each request that has succeeded. With an error, it was carried out, and
	// reported as failed.
	After func(r *Request) error
	// Sync is asked before each sync. With an error, it is not carried out.
	Sync func(seg, upto uint64) error
}

type faulty struct {
	Device
	faults Faults
}

var _ Device = faulty{}

// Faulty makes requests to a device go wrong.
func Faulty(d Device, f Faults) Device { return faulty{d, f} }

func (d faulty) String() string { return over("faults", d.Device) }

// Do implements Device.
func (d faulty) Do(r *Request) ([]byte, error) {
	if d.faults.Before != nil {
		if keep, err := d.faults.Before(r); err != nil {
			return nil, d.tear(r, keep, err)
		}
	}
	b, err := d.Device.Do(r)
	if err == nil && d.faults.After != nil {
		err = d.faults.After(r)
	}
	return b, err
}

func (d faulty) tear(r *Request, keep int64, err error) error {
	if keep == 0 {
		return err
	}
	part := *r
	part.Data = r.Data[:keep]
	if r.Op == node.OpWrite && r.N > 0 { // of a volume
		part.N = keep * r.N / int64(len(r.Data))
	}
	if _, below := d.Device.Do(&part); below != nil {
		return below
	}
	return err
}

// Admit implements Device. Each sync comes to Sync, so that it can fail there.
func (d faulty) Admit(seg, upto uint64) (bool, error) {
	done, err := d.Device.Admit(seg, upto)
	return done && (err != nil || d.faults.Sync == nil), err
}

// Sync implements Device.
func (d faulty) Sync(seg, upto uint64) error {
	if d.faults.Sync != nil {
		if err := d.faults.Sync(seg, upto); err != nil {
			return err
		}
	}
	return d.Device.Sync(seg, upto)
}
