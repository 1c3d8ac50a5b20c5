package keys

import "time"

// WithFacts makes room for n names, tokens and settings only.
func (o Options) WithFacts(n int) Options {
	o.facts = n
	return o
}

// WithAnswerLimit bounds answers that come to nothing by d.
func (o Options) WithAnswerLimit(d time.Duration) Options {
	o.answerLimit = d
	return o
}
