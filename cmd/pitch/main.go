// Command pitch tests replicated block storage: it runs scenarios in a simulator and on real
// processes, judges what they show, and runs the daemon of a real node.
package main

import "os"

func main() {
	os.Exit(Main(os.Args[1:], os.Stdout, os.Stderr))
}
