//go:build race

package history

// perChat makes TestMemoryIsBounded five times smaller: the race detector makes
// compressing tenfold slower, and memory does not depend on it.
const perChat = 2_000
