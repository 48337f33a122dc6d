package scenario

// Schema returns a JSON Schema (draft 2020-12) of the format, for editors. It knows every key,
// its type, range, default and meaning, and which keys go with which verb and kind; references
// between tables are beyond it and only [Parse] checks them.
func Schema() ([]byte, error) { return format.Schema("pitch scenario", &File{}) }
