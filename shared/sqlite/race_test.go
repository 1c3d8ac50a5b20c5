//go:build race

package sqlite_test

// raceDetector makes everything slower by about ten.
const raceDetector = true
