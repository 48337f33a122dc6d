package rare

import "github.com/container-football/pitch/model/draw"

// named gives a part of a question random streams of its own.
func named(o draw.Options, part string) draw.Options {
	o.Name += "/" + part
	return o
}
