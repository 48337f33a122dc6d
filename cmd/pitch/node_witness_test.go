package main

import (
	"testing"
)

// A pair with a witness: when the primary is killed the other one may take over, once the lease of the dead one has
// run out; with the witness dead as well nobody may.
func TestAPairWithAWitness(t *testing.T) {
	l := newLab(t, "alpha", "beta", "gamma")
	alpha, beta, gamma := l.hosts[0], l.hosts[1], l.hosts[2]

	for why, args := range map[string][]string{
		"there is nothing to vote on without a lease": {"--witness", "gamma"},
		"this one has the first":                      {"--lease", "1s", "--witness", "alpha"},
		"there is no [[peer]] of that name":           {"--lease", "1s", "--witness", "delta"},
		"expected 0s or at least 100ms":               {"--lease", "1ms"},
	} {
		alpha.says(why, alpha.refuses(append([]string{"create", "lv1", "--size", "8MiB"}, args...)...))
	}
	alpha.says("and on gamma: pitch vol witness lv1",
		alpha.vol("create", "lv1", "--size", "8MiB", "--lease", "1s", "--witness", "gamma"))
	beta.says("the witness of resource lv1 is gamma, not beta", beta.refuses("witness", "lv1"))
	gamma.says("would vote on the leases of lv1, 1s each", gamma.vol("witness", "lv1", "--dry-run"))
	gamma.says("gamma votes", gamma.vol("witness", "lv1"))
	gamma.says("already here", gamma.refuses("witness", "lv1"))
	alpha.vol("wait", "lv1", "primary") // with its vote
	beta.vol("join", "lv1", "--wait")
	alpha.says("lease of 1s, held here; witness gamma", alpha.vol("view", "lv1"))
	gamma.awaitView("lv1", "promised to alpha")
	gamma.says("Voting", gamma.vol("view"))
	gamma.says("the witness of the resource", gamma.refuses("primary", "lv1"))

	gamma.kill() // it remembers what it has promised
	gamma.start()
	gamma.awaitView("lv1", "promised to alpha")

	c := alpha.open("lv1")
	if err := c.Write(content(1, 1), 4096, 0); err != nil {
		t.Fatal(err)
	}
	if err := c.Flush(); err != nil {
		t.Fatal(err)
	}
	beta.vol("wait", "lv1", "up-to-date")
	alpha.kill()
	beta.vol("primary", "lv1", "--force")
	beta.says("Primary", beta.vol("view", "lv1"))
	gamma.awaitView("lv1", "promised to beta")

	alpha.start()
	alpha.vol("wait", "lv1", "up-to-date")
	beta.kill()
	gamma.kill()
	out, err := l.run("pitch", alpha.args([]string{"primary", "lv1", "--force", "--timeout", "3s"})...)
	if err == nil {
		t.Errorf("one of three voters has taken over alone: %s", out)
	}
	alpha.says("Secondary", alpha.vol("view", "lv1"))
	alpha.says("is for primary --force", alpha.refuses("primary", "lv1", "--ignore-lease"))
	alpha.vol("primary", "lv1", "--force", "--ignore-lease") // an operator who knows that both are gone
	alpha.says("Primary", alpha.vol("view", "lv1"))
	gamma.start()

	gamma.says("would vote no more", gamma.vol("leave", "lv1", "--dry-run"))
	gamma.vol("leave", "lv1")
	gamma.says("no volumes here", gamma.vol("view"))
}
