// Package laws holds the architecture to its laws: what each folder may import, and what must not
// stand in the folders whose code has to be deterministic. It is all tests: docs/explanation and
// docs/decisions say why, rules_test.go says what, and selftest_test.go proves that a violation
// would be found.
package laws
