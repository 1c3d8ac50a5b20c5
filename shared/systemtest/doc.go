// Package systemtest holds the rules of the whole tree as tests: which packages
// may know of which. A new rule is a new line in one of its maps, with the
// reason beside it.
//
// Imports are those of production code, so that a test may compose what it
// tests. They count however they come about within the module: a package that
// imports one of ours has what that one imports.
package systemtest
