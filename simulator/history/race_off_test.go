//go:build !race

package history

const perChat = 10_000
