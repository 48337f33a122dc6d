package units

import (
	"reflect"

	"github.com/container-football/pitch/internal/strict"
)

// Forms are how the types of this package look in a file, for [strict.Format].
func Forms() map[reflect.Type]strict.TextForm {
	return map[reflect.Type]strict.TextForm{
		reflect.TypeFor[Duration](): {What: `a duration such as "200us"`,
			Pattern: `^-?([0-9]+(\.[0-9]+)?(h|m|s|ms|us|ns))+$`},
		reflect.TypeFor[Bytes](): {What: `a size such as "64MiB"`,
			Pattern: `^[0-9]+(\.[0-9]+)?([KMGT]iB|[kMGT]?B)$`},
		reflect.TypeFor[Rate](): {What: `a rate in bits such as "1Gbit/s"`,
			Pattern: `^[0-9]+(\.[0-9]+)?[kMGT]?bit/s$`},
		reflect.TypeFor[ByteRate](): {What: `a rate in bytes such as "200MiB/s"`,
			Pattern: `^[0-9]+(\.[0-9]+)?([KMGT]iB|[kMGT]?B)/s$`},
	}
}
