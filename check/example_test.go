package check_test

import (
	"fmt"
	"log"
	"strings"

	"github.com/container-football/pitch/check"
)

func ExampleLinearizable() {
	const lines = `{"client":0,"op":"write","sector":7,"id":42,"call":137,"return":195}
{"client":1,"op":"read","sector":7,"id":0,"call":1200,"return":2450}
`
	h, err := check.ReadHistory(strings.NewReader(lines), "h.jsonl")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(check.Linearizable(h, check.LinOptions{}))
	// Output:
	// linearizable: violated
	//   sector 7: client 1's read of #0 is stale, #42 had replaced it
	//     client 0 wrote #42 to sector 7 (137 ns … 195 ns)
	//     client 1 read the initial content #0 from sector 7 (1.2 µs … 2.45 µs)
	//   - #0 was there before the run, before client 0's write of #42 was called at 137 ns, so #0 came before #42 left
	//   - client 0's write of #42 returned at 195 ns, before client 1's read of #0 was called at 1.2 µs, so #42 came before #0 left
	//   - every value is written once, so it stays for one unbroken time: one of the two must be gone before the other comes
}

func ExamplePrefixStrict() {
	log := []check.Record{
		{Seq: 1, Sector: 0, N: 2, ID: 7},
		{Seq: 2, Sector: 1, N: 1, ID: 8},
		{Seq: 3, Sector: 3, N: 1, ID: 9},
	}
	fmt.Println(check.PrefixStrict(log, []uint64{7, 8, 0, 0}, check.PrefixOptions{}))
	fmt.Println(check.PrefixStrict(log, []uint64{7, 7, 0, 9}, check.PrefixOptions{}))
	// Output:
	// prefix: ok
	// prefix: violated
	//   the image has #9 but misses the earlier #8
	//     record 2 writes #8 to sector 1
	//     record 3 writes #9 to sector 3
	//   - sector 3 holds #9 of record 3
	//   - sector 1 still holds #7, but record 2 comes before record 3
}
