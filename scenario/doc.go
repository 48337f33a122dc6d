// Package scenario is the file format in which a run is described: hosts, resources, workloads,
// steps, random faults and what is expected of the run.
//
// [Load] or [Parse] turn strict TOML into a [File] with every default filled in; [File.Marshal]
// writes a File back as text that parses to an equal File, which is how a run is made repeatable;
// [Schema] describes the format to editors. A [Condition] is the text after `when`; the runner
// gives it an [Env] and asks whether it holds.
//
// Every complaint about a file is an [*Error]: one line with file, line, column and what was
// expected there.
//
// Inside, package strict fills the File from the TOML by its struct tags, and the same tags drive
// the writer and the schema. What is left here are the words of the format, and the checks of what
// one key alone cannot tell.
package scenario
