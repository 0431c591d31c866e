// Package benchmarks measures the way of a record: append, seal, archive, search. Its benchmarks in Go run under
// `make bench`; what needs servers, minutes or a folder of its own is a verb of the program in run:
//
//	go run ./benchmarks/run archive|relay|disk|soak
//
// RESULTS.md says what was measured, when and on what. Nothing here is a test: no figure fails a build.
package benchmarks
