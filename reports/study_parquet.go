package reports

import (
	"io"
	"reflect"

	"github.com/parquet-go/parquet-go"

	"github.com/container-football/pitch/study"
)

// parquetBatch is how many rows are handed over at once.
const parquetBatch = 1024

// WriteStudyParquet writes the same table as Parquet: columns of doubles, whole numbers, booleans
// and words, null where there is no value.
func WriteStudyParquet(w io.Writer, res *study.Result) error {
	columns := studyColumns(res)
	schema := parquetSchema(res.Plan.File.Name, columns)
	// Without a build of the library in the file, the bytes depend on the data alone.
	out := parquet.NewWriter(w, schema, parquet.CreatedBy("pitch", "1", ""))
	rows := make([]parquet.Row, 0, parquetBatch)
	flush := func() error {
		_, err := out.WriteRows(rows)
		rows = rows[:0]
		return err
	}
	err := eachRow(res, func(cell *study.Cell, r *study.Row) error {
		row := make(parquet.Row, len(columns))
		for j, c := range columns {
			v := c.at(cell, r)
			if v == nil {
				row[j] = parquet.NullValue().Level(0, 0, j)
			} else {
				row[j] = parquet.ValueOf(v).Level(0, 1, j)
			}
		}
		if rows = append(rows, row); len(rows) == parquetBatch {
			return flush()
		}
		return nil
	})
	if err != nil {
		return err
	}
	if err := flush(); err != nil {
		return err
	}
	return out.Close()
}

// parquetSchema keeps the columns in their order, which a map of them would not: it describes them
// by a struct type made at run time.
func parquetSchema(name string, columns []column) *parquet.Schema {
	kinds := map[columnKind]struct {
		t   reflect.Type
		tag string
	}{
		textColumn:  {reflect.TypeFor[string](), ",optional,dict,snappy"},
		floatColumn: {reflect.TypeFor[float64](), ",optional,snappy"},
		intColumn:   {reflect.TypeFor[int64](), ",optional,snappy"},
		boolColumn:  {reflect.TypeFor[bool](), ",optional,snappy"},
	}
	var fields []reflect.StructField
	for i, c := range columns {
		k := kinds[c.kind]
		fields = append(fields, reflect.StructField{Name: "C" + string(rune('A'+i/26)) + string(rune('A'+i%26)),
			Type: k.t, Tag: reflect.StructTag(`parquet:"` + c.name + k.tag + `"`)})
	}
	return parquet.NewSchema(name, parquet.SchemaOf(reflect.New(reflect.StructOf(fields)).Interface()))
}
