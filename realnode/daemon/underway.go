package daemon

import "net/http"

// What makes a resource or ends it, for those who have to wait for it.
const (
	creating = "its creation"
	deleting = "its deletion"
	joining  = "a join"
	leaving  = "a leave"

	importing = "an import"
	releasing = "a release"
	noting    = "a change of its members"
)

// isUnderWay says whether a resource is being made or ended.
func (d *Daemon) isUnderWay(name string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.underWay[name] != ""
}

// begin keeps others from making or ending a resource until done is called. Other hosts may be
// asked meanwhile, and take their time: nothing but this resource waits for them.
func (d *Daemon) begin(name, what string) (done func(), err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if other := d.underWay[name]; other != "" {
		return nil, refuse(http.StatusConflict, "resource %s: %s is under way", name, other).hinting(
			"try again when it has ended")
	}
	d.underWay[name] = what
	return func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		delete(d.underWay, name)
	}, nil
}
