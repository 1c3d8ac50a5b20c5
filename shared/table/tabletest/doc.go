// Package tabletest holds the conformance suite of package table, which every
// adapter must pass, and [Faulty], a table that fails on purpose.
package tabletest
