package main

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"text/tabwriter"
	"time"

	"github.com/container-football/pitch/realnode/ca"
)

// caCmd is the authority of a cluster: package ca does the work.
type caCmd struct {
	Create caCreateCmd `cmd:"" help:"Make the authority of a cluster."`
	Issue  caIssueCmd  `cmd:"" help:"Make key and certificate of a host."`
	Renew  caRenewCmd  `cmd:"" help:"Prolong the certificate of a host; its key stays."`
	Show   caShowCmd   `cmd:"" help:"Print what certificates say, and which end soon."`
	Revoke caRevokeCmd `cmd:"" help:"Withdraw the certificate of a host."`
}

func (c *caCmd) Help() string {
	return `The hosts of a cluster talk over TLS 1.3 and know each other by certificates of their own
authority. On a machine that is not one of them, for three hosts:

  pitch ca create pki --cluster lab
  pitch ca issue pki a --address 10.0.0.1
  pitch ca issue pki b --address 10.0.0.2
  pitch ca issue pki c --address 10.0.0.3
  scp -rp pki/hosts/a root@10.0.0.1:/etc/pitch/tls
  scp -rp pki/hosts/b root@10.0.0.2:/etc/pitch/tls
  scp -rp pki/hosts/c root@10.0.0.3:/etc/pitch/tls
  rm pki/hosts/*/node.key

Each year, and whenever a host is lost; copy to a new name on the host, then rename:

  pitch ca show pki/ca.crt pki/hosts/*/node.crt
  pitch ca renew pki pki/hosts/a/node.crt
  pitch ca revoke pki pki/hosts/c/node.crt

Running hosts read new files in the next handshake. A list of revoked ones (pki/revoked) must come
to every host. Keep pki/ca.key secret, and a copy of it: who has it can be any host.`
}

// caError says which errors of package ca are about arguments: those that it explains, and those
// of files that are not there or not ours.
func caError(err error) error {
	var told *ca.Error
	var path *fs.PathError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &told):
		return usageError{err}
	case errors.As(err, &path) && (errors.Is(err, fs.ErrPermission) || errors.Is(err, fs.ErrExist) ||
		errors.Is(err, fs.ErrNotExist)):
		return inaccessible(path.Path, "used", err)
	}
	return err
}

// days turns days into options. Zero is the default of the command.
func days(n int) (ca.Options, error) {
	const most = 73000
	if n < 0 || n > most {
		return ca.Options{}, usageError{fmt.Errorf("--days: expected 1 to %d, found %d", most, n)}
	}
	return ca.Options{Life: time.Duration(n) * 24 * time.Hour}, nil
}

type caCreateCmd struct {
	Dir     string `arg:"" help:"Folder of the authority: new or empty."`
	Cluster string `required:"" placeholder:"NAME" help:"Name of the cluster: lower case letters, digits, hyphens."`
	Days    int    `help:"How long it lasts. No certificate of a host lasts longer. Default: 3652, ten years."`
}

func (c *caCreateCmd) Run(s *streams) error {
	opt, err := days(c.Days)
	if err != nil {
		return err
	}
	if err := ca.Create(c.Dir, c.Cluster, opt); err != nil {
		return caError(err)
	}
	fmt.Fprintf(s.out, "%s: authority of cluster %s; keep ca.key secret\n", c.Dir, c.Cluster)
	fmt.Fprintf(s.out, "next: pitch ca issue %s HOST\n", c.Dir)
	return nil
}

type caIssueCmd struct {
	Dir     string   `arg:"" help:"Folder of the authority."`
	Host    string   `arg:"" help:"Name of the host, its identity."`
	Address []string `placeholder:"A" help:"IP address or DNS name, for the tools of others; may be repeated."`
	Out     string   `placeholder:"DIR" help:"Folder for the files: new or empty. Default: hosts/HOST in that of the authority."`
	Days    int      `help:"How long it lasts. Default: 365."`
}

func (c *caIssueCmd) Help() string {
	return `Makes a folder for one host, to be copied there as it is: node.key (secret), node.crt,
ca.crt and the list of revoked serial numbers.

  pitch ca issue pki a --address 10.0.0.1 --address a.example.org`
}

func (c *caIssueCmd) Run(s *streams) error {
	opt, err := days(c.Days)
	if err != nil {
		return err
	}
	out := cmp.Or(c.Out, filepath.Join(c.Dir, "hosts", c.Host))
	if err := ca.Issue(c.Dir, c.Host, c.Address, out, opt); err != nil {
		return caError(err)
	}
	return tellUntil(s, filepath.Join(out, "node.crt"))
}

type caRenewCmd struct {
	Dir  string `arg:"" help:"Folder of the authority."`
	File string `arg:"" help:"Certificate of the host; no key is needed."`
	Out  string `placeholder:"FILE" help:"Where to put the new one. Default: in the place of the old one."`
	Days int    `help:"How long it lasts from now on. Default: 365."`
}

func (c *caRenewCmd) Help() string {
	return `Makes the certificate anew, for the same host and key, with a new serial number. The old one
stays good until its end: revoke it by its serial number if it must not.

  pitch ca renew pki pki/hosts/a/node.crt`
}

func (c *caRenewCmd) Run(s *streams) error {
	opt, err := days(c.Days)
	if err != nil {
		return err
	}
	out := cmp.Or(c.Out, c.File)
	if err := ca.Renew(c.Dir, c.File, out, opt); err != nil {
		return caError(err)
	}
	return tellUntil(s, out)
}

// tellUntil says in one line what has been made.
func tellUntil(s *streams, path string) error {
	info, err := ca.Inspect(path)
	if err != nil {
		return err
	}
	fmt.Fprintf(s.out, "%s: host %s of cluster %s, until %s, serial %s\n", path, info.Host,
		info.Cluster, info.NotAfter.UTC().Format(time.DateOnly), info.Serial)
	return nil
}

type caShowCmd struct {
	Files []string `arg:"" name:"file" help:"Certificates, of hosts or authorities."`
	Soon  int      `default:"30" placeholder:"DAYS" help:"How many days before its end one is to be renewed. Default: 30."`
}

func (c *caShowCmd) Help() string {
	return `Prints a table: whose certificate each file holds, until when, its serial number and SHA-256
fingerprint. No signature is checked. Exit code 1 if one has expired, is not yet valid, or ends
within --soon days; 64 if a file is none. For cron:

  pitch ca show --soon 45 pki/ca.crt pki/hosts/*/node.crt || mail -s 'renew' root < /dev/null`
}

func (c *caShowCmd) Run(s *streams) error {
	if c.Soon < 0 {
		return usageError{fmt.Errorf("--soon: expected 0 or more days, found %d", c.Soon)}
	}
	now, bad := time.Now(), false
	var infos []ca.Info
	for _, path := range c.Files {
		info, err := ca.Inspect(path)
		if err != nil {
			return caError(err)
		}
		infos = append(infos, info)
	}
	t := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "file\tcluster\thost\tuntil\tstate\tserial\tsha256")
	for i, info := range infos {
		state, good := stateOf(info, now, c.Soon)
		bad = bad || !good
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", c.Files[i], info.Cluster,
			cmp.Or(info.Host, "(authority)"), info.NotAfter.UTC().Format(time.DateOnly), state,
			info.Serial, info.Fingerprint)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	if bad {
		return exit(1)
	}
	return nil
}

// stateOf says in few words how long a certificate lasts, and whether that is long enough.
func stateOf(info ca.Info, now time.Time, soon int) (state string, good bool) {
	const day = 24 * time.Hour
	left := info.NotAfter.Sub(now)
	switch {
	case left < 0:
		return fmt.Sprintf("expired %dd ago", -left/day), false
	case now.Before(info.NotBefore):
		return "not yet valid", false
	case left/day < time.Duration(soon):
		return fmt.Sprintf("soon: %dd", left/day), false
	}
	return fmt.Sprintf("ok: %dd", left/day), true
}

type caRevokeCmd struct {
	Dir  string `arg:"" help:"Folder of the authority."`
	What string `arg:"" name:"serial|file" help:"Serial number of 32 hexadecimal digits, or the file of the certificate."`
}

func (c *caRevokeCmd) Help() string {
	return `Adds a serial number to the list of the authority. A host refuses the certificate as soon as
it has the list: copy DIR/revoked into the folder of each. Connections that stand are not ended.

  pitch ca revoke pki pki/hosts/c/node.crt`
}

func (c *caRevokeCmd) Run(s *streams) error {
	serial, err := ca.Revoke(c.Dir, c.What, ca.Options{})
	if err != nil {
		return caError(err)
	}
	list := filepath.Join(c.Dir, "revoked")
	fmt.Fprintf(s.out, "%s: revoked; copy %s to every host\n", serial, list)
	return nil
}
